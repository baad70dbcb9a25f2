// Package ingest is the way of a postback: an HTTP request in, a durable event
// in Kafka (or in the local journal) out, and only then the answer.
//
//	request's goroutine                       claim lane                     outbox
//	HTTP ─▶ server ─▶ network.Normalize ─▶    takes what waits               Kafka acks=all
//	        credentials ─▶ rules ─▶ encode    store.Claim(marks, arrivals)   else journal, fsync
//	        ─▶ enter, park once ┈┈┈┈┈┈┈┈┈┈    dedupe.Decide ──what is new──▶ finish
//	        ◀── woken once with the result ◀── duplicates                    wake; DONE marks ride
//	reply ◀─ Decision ─▶ metrics                                             on the next claim trip
//	                                          journal ─▶ drain, in order ─▶ Kafka
//
// Start reading at Pipeline.Accept. Batches are the unit between the stages: a
// request parks once and is woken once; the store and Kafka see slices.
//
// # Promises
//
//   - 2xx means durable: acknowledged by all in-sync replicas of Kafka, or
//     fsynced in the journal (Ack says which).
//   - Only a positive DONE suppresses an event. When in doubt it is published:
//     the event id is deterministic and consumers drop the copy.
//   - Nothing is dropped: what cannot be understood goes to the failed topic
//     with the raw request and a reason word.
//   - No request waits longer than its budget; what could not be made durable
//     by then is answered 503 and forgotten, never remembered as seen.
//
// # Where things are
//
//	pipeline.go   Accept and wait: the request's side, step by step
//	claims.go     the claim lane: one trip for many, what is open in this process
//	judge.go      a claim's answer becomes a verdict and a record
//	outbox.go     Kafka first, journal else; order while older events wait
//	drain.go      the journal's unpublished events on their way into Kafka
//	recover.go    start: the journal's tail over the store's state
//	job.go        one event on its way, its buffers and its wake-up
//	aside.go      records of the failed topic, credentials removed
//	directory.go  properties, integrations, presets: who may send what
//	server.go     the listener, limits and timeouts
//	handler.go    one request: route, credentials, Accept, reply
//	request.go    what Accept takes
//	batch.go      many conversions in one body
//	validate.go   the same code without writing anything
//	replay.go     the failed topic once more through Accept; past events again
//	reply.go      the table of answers
//	route.go, fence.go, client.go   path, header hygiene, tokens and addresses
//	metrics.go    every series
//	journal/      durable segmented log        publish/   lanes to Kafka
//	rules/        what an integration accepts
package ingest
