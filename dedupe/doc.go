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
//     changes nothing but the order in which states are listed.
//
// What it refuses: to release a claim (it lapses by itself), to interpret texts (keys and prints come
// computed), to log. It imports nothing else of this module and is the only importer of go-redis.
package dedupe
