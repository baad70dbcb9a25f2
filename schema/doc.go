// Package schema defines the event: what consumers of the topic read.
//
// It holds the fields and their words, what identifies a conversion and one
// of its states, the event id, the JSON encoding with its JSON Schema, and
// the record of the failed topic. It is pure: standard library and data.
//
// # What identifies an event
//
// Identity is a digest of what makes two postbacks the same conversion;
// Print is a digest of the state they report (status class, commission, sale
// amount, currency, as parsed values). The event id is a hash of both, so a
// retry, a replay and an import of the same state carry the same id, and a
// consumer that dedupes on it sees each state exactly once.
//
// # Where rules are at odds
//
// The field's sources contradict each other in places. The choice here is
// always the one that loses no money; a possible copy with a flag is preferred
// to a conversion that nobody gets paid for.
//
//   - A postback without a usable transaction id is told apart from another
//     one by click id, e-mail, the network's own date, goal and state: two
//     forms filled in by two people on one click are two leads.
//   - A chain of repeats does not extend the window of such a conversion; the
//     window counts from the last one that was published.
//   - fraction_beyond_exponent marks an amount that may have been a thousands
//     separator (three digits after one point in a currency with none or two)
//     and any fraction of a currency that has none. 4.48500 US dollars is an
//     honest payout with five decimals and stays unmarked.
package schema
