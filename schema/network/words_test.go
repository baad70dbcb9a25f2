package network

import (
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema"
)

func TestOnlyWordsThatAreSafeEverywhereHaveAClassWithoutAPreset(t *testing.T) {
	for class, words := range map[schema.Status]string{
		schema.StatusPending:  "pending waiting processing",
		schema.StatusApproved: "approved confirmed paid locked",
		schema.StatusRejected: "rejected declined denied cancelled canceled invalid trash",
		schema.StatusReversed: "reversed refund refunded chargeback returned void",
		schema.StatusTest:     "test",
		schema.StatusUnknown:  "0 1 2 3 4 5 lead new accepted hold sale accept valid spam reg dep success closed",
	} {
		for word := range strings.FieldsSeq(words) {
			if got, ignored := ClassOf(word); got != class || ignored {
				t.Errorf("%s: got %s, ignored %v, want %s", word, got, ignored, class)
			}
		}
	}
	if _, ignored := ClassOf("ping"); !ignored {
		t.Error("ping is no conversion")
	}
}

func TestStandardEventNamesGetTheirStandardSpelling(t *testing.T) {
	for sent, want := range map[string]string{
		"purchase": "Purchase", "PURCHASE": "Purchase", "CompletePayment": "Purchase", "Complete_Payment": "Purchase",
		"generate_lead": "Lead", "SubmitForm": "Lead", "sign_up": "CompleteRegistration", "complete registration": "CompleteRegistration",
		"begin_checkout": "InitiateCheckout", "add_to_cart": "AddToCart", "add_payment_info": "AddPaymentInfo", "view_item": "ViewContent",
		"page_view": "PageView", "outboundclick": "OutboundClick", "formsubmit": "FormSubmit", "subscribe": "Subscribe",
		"start-trial": "StartTrial", "schedule": "Schedule", "contact": "Contact", "submitapplication": "SubmitApplication",
	} {
		if got, ok := StandardName(foldName(sent)); !ok || got != want {
			t.Errorf("%s: got %q, want %s", sent, got, want)
		}
	}
	if got, ok := StandardName("ftd"); ok {
		t.Errorf("ftd is nobody's standard name, got %s", got)
	}
}

func TestStandardNamesAreNamesOfThemselves(t *testing.T) {
	for _, folded := range []string{"lead", "generatelead", "submitform", "purchase", "signup", "viewitem", "contact", "starttrial"} {
		name, _ := StandardName(folded)
		if again, ok := StandardName(foldName(name)); !ok || again != name {
			t.Errorf("%s becomes %s becomes %s", folded, name, again)
		}
	}
}

func TestFieldsAreFoundByTheirNames(t *testing.T) {
	for _, f := range Fields() {
		if got, ok := FieldOf(f.String()); !ok || got != f {
			t.Errorf("%s: got %v, %v", f, got, ok)
		}
	}
	if _, ok := FieldOf("nosuch"); ok || Field(200).String() != "" {
		t.Error("unknown fields must stay unknown")
	}
}

func TestMatchingFieldsKeepTheirOrder(t *testing.T) {
	for f := FieldEmail; f < numFields; f++ {
		want := f.matching().String()
		if f.hashed() {
			want = f.matching().HashName()
		}
		if f.String() != want {
			t.Errorf("%s stands where package customer has %s", f, want)
		}
	}
}

func TestEveryRepairWordHasAdvice(t *testing.T) {
	for _, word := range []schema.RepairWord{
		schema.RepairMacro, schema.RepairNullWord, schema.RepairEntity, schema.RepairConflict, schema.RepairLoneSurrogate, schema.RepairBadEscape,
		schema.RepairTooManyParams, schema.RepairRejectedValue, schema.RepairJSONAmpersand, schema.RepairInvalidBody,
	} {
		if strings.HasPrefix(Fix(string(word)), "See the documentation") {
			t.Errorf("%s has no advice", word)
		}
	}
}
