// Package customer reads the matching fields a postback may carry about the
// buyer: email, phone, name, birthdate, city, state, zipcode and country.
//
// It has two halves. The Append functions turn what arrived into the one
// normal form the event stores (an address in lower case, a phone in E.164, an
// ISO date, an alpha-2 country); they append to a buffer of the caller, do not
// allocate, and answer with a Note instead of an error, because a bad matching
// field never costs a conversion. Normalize makes the form an ad platform
// (Meta, Google, TikTok, Snap, Pinterest) documents, with its SHA-256.
//
// The two are kept apart on purpose: the platforms want different forms of the
// same value (digits or E.164, dots of a gmail address kept or not, a city
// hashed or in clear), so a hash made at arrival fits one of them at best.
//
// Promises: nothing here panics on any input, logs, keeps state or repeats a
// value in an error. A value that cannot be normalized gives no output; it is
// never guessed into another one. A SHA-256 the sender made is passed through,
// never hashed again, and the hash of the empty string counts as nothing sent.
//
// It refuses to validate: whether a mailbox, a number or a town exists is not
// known here. All functions may be called concurrently.
package customer
