// Package dedupe remembers what was seen, so that a repeat of a postback is known as one.
//
// It is a state machine and two stores. The machine ([Decide], [Apply]) is pure: no clock, no
// allocation, no I/O. It knows what an identity went through (a [State]), gets an [Arrival] and says
// whether that is a repeat, a first sight or a change, and of what kind. The stores ([Local], [Redis])
// keep states by [Key] and answer many arrivals in one trip. The same tests run over both.
//
// What it promises:
//
//   - Only a state that is done, in Kafka or (embedded) in the journal, makes its repeat a duplicate
//     everywhere. A journaled one suppresses on the instance that holds it and nowhere else. An open
//     claim suppresses nothing.
//   - A store that is unreachable, slow or wrong costs at most its budget, and its answer is then
//     "unknown": [Decide] publishes. A reply that got lost never turns a new conversion into a repeat.
//   - Marks merge by fingerprint and occurrence. Sending one twice, late, or from another instance
//     changes nothing but the order in which states are listed, as long as the state is one of the last
//     [MaxEntries] and its window is not over; beyond that it may be published again, never swallowed.
//   - While the store answers, in ChangeUpdate and in one currency, seq is dense and the counted deltas
//     of an identity that begins with a sale add up to what its last state counts.
//
// What it refuses: to release a claim (it lapses by itself), to interpret texts (keys and prints come
// computed), to log. It imports nothing else of this module and is the only importer of go-redis.
//
// # The transition table
//
// A state is a status class with a commission in a currency; two are the same when their prints are.
// What counts is the commission of a state that is approved or has no status (pending too with
// CountPending); the delta is what counts now less what counted before. Rows that are missing here are
// settled before an arrival is made or after it is published.
//
//	row  known of the identity             arrives                 decision
//	1    nothing                           any state               new; a reversal when rejected, reversed or
//	                                                               negative, with a delta only when negative
//	2    it is the last state              the same                duplicate
//	3    it is an earlier state            the same                duplicate, Stale: a late retry
//	3b   the same, but ReentryUpdate,      the same                update with the next Occurrence
//	     or the network's date is newer
//	4    pending                           approved                promotion
//	5    approved or no status             another amount          update
//	6    a state in some currency          another currency        update, CurrencyChanged, no delta
//	7    a state that counts               rejected or reversed    reversal, the delta takes back what counted
//	8    a state that counts               a negative amount       adjustment; reversal when nothing would be
//	                                                               left; Adds, the delta is the amount
//	9    approved                          pending                 update; OutOfOrder, unless the network does
//	                                                               that (PendingAfterApproval)
//	10   rejected or reversed              pending or approved     update; OutOfOrder when nothing but reversals
//	                                                               was seen: the sale came after its refund
//	11   any state                         an unknown status       update
//	13   any state, ChangeIgnore           another state           duplicate, IgnoredChange
//	14   any state, ChangeIncrement        another amount          update, Adds
//	15   any state, ChangeCreateNew        any state               new; a duplicate when the same state was
//	                                                               published within FallbackWindow
//	16   Fallback: published within        the same                duplicate
//	     FallbackWindow
//	17   Fallback: longer ago, but         the same                new with the next Occurrence,
//	     within 24 hours                                           PossibleDuplicate
//	18   Fallback: longer ago than that    the same                new, of its own Day
//	20   the same state, claimed or        the same                what it was there, published again: one
//	     journaled on another instance                             event id, so consumers see it once
//	21   the store has no answer           any state               see DecideUnknown
//	23   its window is over                any state               as row 1
//	24   claimed elsewhere: another        any state               as above without Seq, Delta and Previous
//	     state (OpenOther)
//
// # Where the rules come from
//
//   - Rows 4 to 11 and ChangeUpdate: Affise, CAKE, Everflow, impact.com, CJ, Keitaro and Digistore24 send
//     an id again when its status or amount changes. TUNE and Voluum refuse that, hence ChangeIgnore;
//     RedTrack's "Duplicate postback settings" has a mode for each wish, the other two among them.
//   - Rows 3 and 3b: Digistore24 tries an IPN for ten days (dev.digistore24.com, "IPN"), so an old state is
//     a retry. impact.com restores reversed actions (help.impact.com), so there it is a change.
//   - Row 8 and Restatement: CJ's developer pages (negative corrections; a reversal record and then the
//     new state), CAKE's add_to_existing_payout (support.getcake.com).
//   - Row 9: impact.com puts a modified action back to pending.
//   - Row 10: Digistore24 may send a payment after its refund.
//   - Rows 16 to 18: without an id only time tells a retry from a rebill. A usual window is 20 minutes, as
//     AppsFlyer tries again after 15 ("Postback retries"). It rolls, because fixed buckets part two posts
//     a second apart (Taboola, "Heuristic deduplication").
//   - Hot: an id that is empty or constant would merge all sales into one (Google Analytics, "Minimize
//     duplicate key events with transaction IDs").
//   - Owners, leases and row 20: go-redis issue 2985 shows a SETNX whose first reply was lost and whose
//     silent second try then reads "taken". The model check in protocol_test.go finds the losses of that
//     and of other shortcuts, and none with owners and leases.
package dedupe
