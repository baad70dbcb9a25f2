package network

import (
	"strings"
	"time"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/customer"
	"github.com/postbackhq/postback/schema/money"
)

// lister writes the fields that are not empty, one a line.
type lister struct{ strings.Builder }

func (l *lister) put(name, value string) {
	if value != "" {
		l.WriteString(name + ": " + value + "\n")
	}
}

func (l *lister) putIf(name string, set bool) {
	if set {
		l.put(name, "true")
	}
}

// listing shows an event in the order of the contract.
func listing(r Result, ev *schema.Event) string {
	var l lister
	l.put("outcome", r.Outcome.String())
	l.put("reason", string(r.Reason))
	l.put("detail", r.Detail)
	if r.Outcome == schema.OutcomeIgnored {
		return l.String()
	}
	l.put("event_name", ev.EventName)
	l.put("event_name_raw", ev.EventNameRaw)
	l.put("event_name_source", ev.NameSource.String())
	l.put("status", ev.Status.String())
	l.put("status_raw", ev.StatusRaw)
	if ev.NetworkKey() != ev.Network {
		l.put("network_key", ev.NetworkKey())
	}
	l.put("click_id", ev.ClickID)
	l.put("transaction_id", ev.TransactionID)
	l.put("goal", ev.Goal)
	l.amounts(ev)
	l.put("brand_name", ev.Brand)
	if ev.OccurredMS != 0 {
		l.put("occurred_at", time.UnixMilli(ev.OccurredMS).UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	l.put("dedupe_key", ev.KeyKind.String())
	l.putIf("scope_click", ev.ScopeClick)
	for f := customer.FieldEmail; f <= customer.FieldCountry; f++ {
		l.put(f.String(), *slot(&ev.Customer, f))
		l.put(f.HashName(), *hashSlot(&ev.Customer, f))
	}
	for _, p := range ev.Params {
		l.put("param "+p.Name, short(p.Value))
	}
	l.put("repairs", ev.Repairs())
	return l.String()
}

func (l *lister) amounts(ev *schema.Event) {
	l.put("amount_state", ev.Commission.State.String())
	exponent := int(ev.Exponent)
	if ev.Commission.State == money.OK {
		l.put("commission", string(money.Append(nil, ev.Commission.Micros, exponent)))
	}
	l.putIf("amount_effect_delta", ev.Delta)
	switch ev.Sale.State {
	case money.OK:
		l.put("sale_amount", string(money.Append(nil, ev.Sale.Micros, exponent)))
	case money.Missing:
	default:
		l.put("sale_amount_state", ev.Sale.State.String())
	}
	l.put("currency", ev.Currency)
	l.put("currency_source", ev.CurrencySource.String())
}

func short(s string) string {
	const limit = 100
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}
