package customer

import "testing"

func TestNameIsSplitAtItsFirstWord(t *testing.T) {
	f := func(full, first, last string) {
		t.Helper()
		if gotFirst, gotLast := SplitName(full); gotFirst != first || gotLast != last {
			t.Errorf("SplitName(%q) = %q, %q, want %q, %q", full, gotFirst, gotLast, first, last)
		}
	}
	f("Jane Q. Public", "Jane", "Q. Public")
	f("Cher", "Cher", "")
	f("  Jane   Public ", "Jane", "Public")
	f("Jane\u00a0Public", "Jane", "Public")
	f("Public, Jane", "Jane", "Public")
	f("van der Berg , Jan Pieter", "Jan Pieter", "van der Berg")
	f("John Smith, Jr.", "John", "Smith, Jr.")
	f("John Smith, III", "John", "Smith, III")
	f("Rahman, Md", "Md", "Rahman")
	f("Public,", "Public", "")
	f(", Jane Public", "Jane", "Public")
	f("Smith, John, Esq.", "Smith", "John, Esq.")
	f("王 小明", "王", "小明")
	f("Null", "Null", "")
	f("", "", "")
	f(" , ", "", "")
	f(emptyHash, "", "")
}

func TestNamesAndCitiesKeepCaseAndAccents(t *testing.T) {
	for _, field := range []Field{FieldFirstName, FieldLastName, FieldCity} {
		f := func(raw, want string, note Note) {
			t.Helper()
			checkAppend(t, field, raw, Hints{}, want, note)
		}
		f("Valéry", "Valéry", 0)
		f(" Van  Der\tBerg\u00a0", "Van Der Berg", 0)
		f("O'Connor-Smith", "O'Connor-Smith", 0)
		f("Null", "Null", 0)
		f("None", "None", 0)
		f("北京", "北京", 0)
		f("District 9", "District 9", 0)
		f("", "", 0)
		f("\u200b ", "", 0)
		f("-", "", Rejected)
		f("???", "", Rejected)
		f("Val\xe9ry", "", Rejected)
		if field.NullWords() {
			t.Errorf("%s takes null words for an absent value", field)
		}
	}
}
