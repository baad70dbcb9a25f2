// Package network knows what each affiliate network says and what it means. A
// Preset describes one network as data; a Normalizer, compiled from a preset and
// the settings of one integration, turns a raw request into an event.
//
// It promises: the same request gives the same event on every instance, whatever
// the order, case or encoding of its parameters; a macro, a blank or a null word
// never becomes a value; nothing that was sent disappears without a word in
// repairs (what no field could use stays in params, secrets and personal data
// apart); a request is never refused because of one bad value; the work is
// bounded and linear in the request; a common clean request allocates nothing.
//
// It refuses: to guess a status word no one has defined, to treat a missing
// amount as zero, to read secrets, and to decide about repeats: that is the
// dedupe store's business.
//
// # Where a field's value comes from
//
// Names match in folded form: case, '_' and '-' do not matter. Several parameters
// may name one field. Then the winner is, in this order: a usable value over a
// blank, a macro or a null word; a name of the field over a mere fallback name;
// the query over the body; the name that the preset lists first; the parameter
// that came first. The canonical name stands before a preset's own names unless
// the preset places it elsewhere: who writes commission={Payout} into a URL has
// decided. TUNE lists payout before commission, because its requests carry an
// unrelated commission.
//
// Fallback names ("subid" in the generic preset) count only where no other name
// of the field has a value, and are ordinary parameters otherwise. Two different
// values under names of the field are a conflict, which is recorded; the loser
// stays in params unless it is personal.
package network
