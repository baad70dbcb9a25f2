package customer

import (
	"strings"
	"testing"
	"time"
)

// checkAppend checks what Append makes of raw, that what stood in the buffer
// before is untouched, and that normalizing the result again changes nothing.
func checkAppend(t *testing.T, f Field, raw string, h Hints, want string, note Note) {
	t.Helper()
	const before = "kept"
	got, gotNote := Append([]byte(before), f, raw, h)
	if string(got) != before+want || gotNote != note {
		t.Errorf("%s %q with %q = %q, %s, want %q, %s", f, raw, h.Country, got, words(gotNote, f), before+want, words(note, f))
		return
	}
	if want == "" || note&Hashed != 0 {
		return
	}
	if again, _ := Append(nil, f, want, h); string(again) != want {
		t.Errorf("%s %q normalized again = %q", f, want, again)
	}
}

func words(n Note, f Field) string { return "[" + string(n.AppendWords(nil, f)) + "]" }

func TestNotesBecomeWordsOfTheVocabulary(t *testing.T) {
	f := func(n Note, field Field, want string) {
		t.Helper()
		if got := string(n.AppendWords([]byte("x,"), field)); got != "x,"+want {
			t.Errorf("words of %b = %q, want %q", n, got, "x,"+want)
		}
	}
	f(0, FieldEmail, "")
	f(Hashed, FieldEmail, "")
	f(Rejected, FieldEmail, "rejected_value:email")
	f(EmailPlus, FieldEmail, "email_plus")
	f(EmailPlus|DoubleDecoded, FieldEmail, "email_plus,double_decoded")
	f(PhonePlus, FieldPhone, "phone_plus")
	f(PhoneNoCountry, FieldPhone, "phone_no_country")
	f(DateAmbiguous, FieldBirthdate, "date_ambiguous")
	f(Rejected|DateOutOfRange, FieldBirthdate, "date_out_of_range,rejected_value:birthdate")
	f(TruncatedNumber, FieldZipcode, "truncated_number")
}

func TestFieldsHaveTheNamesOfTheEvent(t *testing.T) {
	names := make([]string, 0, len(Fields()))
	for _, f := range Fields() {
		names = append(names, f.String())
		if f.HashName() != f.String()+"_sha256" {
			t.Errorf("%s: hash name %s", f, f.HashName())
		}
		if got, ok := FieldOf(f.String()); got != f || !ok {
			t.Errorf("FieldOf(%s) = %s, %t", f, got, ok)
		}
	}
	const want = "email phone first_name last_name birthdate city state zipcode country"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("fields are %s, want %s", got, want)
	}
	for _, name := range []string{"name", "", "email_sha256", "Email", "unknown"} {
		if f, ok := FieldOf(name); ok {
			t.Errorf("FieldOf(%q) = %s", name, f)
		}
	}
	if !FieldEmail.NullWords() || !FieldCountry.NullWords() {
		t.Error("null words of email and country must mean absent")
	}
}

func TestFieldOutsideTheListIsRejectedNotPanicking(t *testing.T) {
	out := Field(200)
	if got, n := Append(nil, out, "x", Hints{}); len(got) != 0 || n != Rejected {
		t.Errorf("Append = %q, %b", got, n)
	}
	if out.String() != "unknown" || out.HashName() != "unknown_sha256" {
		t.Errorf("names %s, %s", out, out.HashName())
	}
}

// hotValues are values as postbacks carry them, one a field.
func hotValues() (Hints, [numFields]string) {
	h := Hints{Country: "DE", Now: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	return h, [...]string{
		FieldEmail: "Jane.Doe x@Example.com", FieldPhone: "+49 (0)171 123 45 67", FieldFirstName: "Valéry",
		FieldLastName: "Van Der  Berg", FieldBirthdate: "May 26, 1991", FieldCity: "São Paulo",
		FieldState: "US-CA", FieldZipcode: "02134", FieldCountry: "The United States",
	}
}

func BenchmarkAppend(b *testing.B) {
	h, values := hotValues()
	buffer := make([]byte, 0, 256)
	for _, f := range Fields() {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buffer, _ = Append(buffer[:0], f, values[f], h)
			}
		})
	}
	b.Run("name", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			first, last := SplitName("Jane Q. Public")
			if first == "" || last == "" {
				b.Fatal("not split")
			}
		}
	})
}
