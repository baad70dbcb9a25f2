package network

import (
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

// money decides currency, commission and sale amount. The currency comes first:
// the exponent of minor units depends on it.
func (s *Scratch) money() {
	s.currency()
	exponent := s.ev.Exponent
	commission, sale := s.amount(FieldCommission), s.amount(FieldSaleAmount)
	s.codeInAmount(FieldCommission, commission.Code)
	s.codeInAmount(FieldSaleAmount, sale.Code)
	if s.n.preset.Amounts.Minor && s.ev.Exponent != exponent {
		commission, sale = s.amount(FieldCommission), s.amount(FieldSaleAmount)
	}
	s.ev.Commission, s.ev.Sale = commission.Amount, sale.Amount
	s.amountRepairs(commission, sale)
	for _, f := range [...]Field{FieldCommission, FieldSaleAmount} {
		if a := s.amountOf(f); a.State != money.OK && a.State != money.Missing {
			s.refuse(f)
		}
	}
	if s.trace != nil {
		s.traceMoney()
	}
}

func (s *Scratch) amountOf(f Field) money.Amount {
	if f == FieldSaleAmount {
		return s.ev.Sale
	}
	return s.ev.Commission
}

func (s *Scratch) amount(f Field) money.Parsed {
	p := s.param(f)
	if p == nil {
		return money.Parsed{}
	}
	return money.Parse(p.Value, s.n.preset.Amounts, int(s.ev.Exponent))
}

// amountRepairs records what was mended in either amount, each word once.
func (s *Scratch) amountRepairs(commission, sale money.Parsed) {
	notes := commission.Notes | sale.Notes
	if notes != 0 {
		for _, w := range [...]struct {
			note money.Notes
			word schema.RepairWord
		}{
			{money.NoteDecimalComma, schema.RepairDecimalComma},
			{money.NoteGroupingRemoved, schema.RepairGrouping},
			{money.NoteSymbolStripped, schema.RepairSymbol},
			{money.NoteCodeInAmount, schema.RepairCodeInAmount},
			{money.NoteRounded, schema.RepairRounded},
		} {
			if notes.Has(w.note) {
				s.ev.Repair(w.word, "")
			}
		}
	}
	exponent := int(s.ev.Exponent)
	if money.BeyondExponent(commission, exponent) || money.BeyondExponent(sale, exponent) {
		s.ev.Repair(schema.RepairBeyondExponent, "")
	}
}

// currency decides the currency without a look at the amounts.
func (s *Scratch) currency() {
	given := s.text(FieldCurrency)
	if s.n.override.Code != "" {
		s.setCurrency(s.n.override, schema.CurrencyOverride)
		return
	}
	if given == "" {
		s.setCurrency(s.n.currency, schema.CurrencyDefault)
		return
	}
	c := money.Lookup(given)
	switch c.Kind {
	case money.Current:
		s.setCurrency(c, schema.CurrencyGiven)
		return
	case money.Test:
		s.test = true
		s.setCurrency(c, schema.CurrencyGiven)
		return
	case money.Historic:
		s.setCurrency(c, schema.CurrencyHistoric)
		return
	case money.Unknown:
		if len(given) <= maxCurrency {
			c.Code = s.ev.Hold(c.Code)
			s.setCurrency(c, schema.CurrencyUnknown)
			return
		}
	}
	s.ev.Repair(schema.RepairRejectedValue, FieldCurrency.String())
	s.refuse(FieldCurrency)
	s.setCurrency(s.n.currency, schema.CurrencyDefault)
}

func (s *Scratch) setCurrency(c money.Currency, source schema.CurrencySource) {
	s.ev.Currency, s.ev.Exponent, s.ev.CurrencySource = c.Code, int8(c.Exponent), source
}

// codeInAmount lets an ISO code beside an amount fill a missing currency; one
// that differs is a conflict.
func (s *Scratch) codeInAmount(f Field, code string) {
	switch source := s.ev.CurrencySource; {
	case code == "" || source == schema.CurrencyOverride:
		return
	case source != schema.CurrencyDefault:
		if code != s.ev.Currency && s.conflicts.add(FieldCurrency) {
			s.ev.Repair(schema.RepairConflict, FieldCurrency.String())
		}
		return
	}
	c := money.Lookup(code)
	source := schema.CurrencyFromAmount
	switch c.Kind {
	case money.Historic:
		source = schema.CurrencyHistoric
	case money.Test:
		s.test = true
	}
	s.trace.add("currency", "currency", code, c.Code, "taken from the text of "+f.String())
	s.setCurrency(c, source)
}

// traceMoney explains currency and amounts.
func (s *Scratch) traceMoney() {
	ev := s.ev
	why := map[schema.CurrencySource]string{
		schema.CurrencyDefault:    "the request names none: the integration's, preset's or property's",
		schema.CurrencyGiven:      "as sent",
		schema.CurrencyOverride:   "the integration replaces whatever is sent",
		schema.CurrencyFromAmount: "the code beside the amount",
		schema.CurrencyHistoric:   "a withdrawn code, kept as sent",
		schema.CurrencyUnknown:    "no ISO 4217 code, kept as sent",
	}[ev.CurrencySource]
	s.trace.add("currency", "currency", s.text(FieldCurrency), ev.Currency, why)
	for _, f := range [...]Field{FieldCommission, FieldSaleAmount} {
		a := s.amountOf(f)
		to := a.State.String()
		if a.State == money.OK {
			to = string(money.Append(nil, a.Micros, int(ev.Exponent)))
		}
		if f == FieldCommission || a.State != money.Missing {
			s.trace.add("amount", f.String(), s.text(f), to, "")
		}
	}
}
