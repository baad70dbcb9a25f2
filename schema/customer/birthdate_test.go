package customer

import (
	"testing"
	"time"
)

func TestBirthdateIsReadInEveryDocumentedForm(t *testing.T) {
	for _, raw := range []string{
		"1991-05-26", "19910526", "1991/05/26", "1991.05.26", "1991-5-26", "1991 05 26",
		"05/26/1991", "5/26/1991", "26/05/1991", "26.05.1991", "26. 5. 1991", "05-26-1991", "26-05-1991", "05.26.1991",
		"May 26, 1991", "may 26 1991", "MAY 26,1991", "26 May 1991", "26-May-1991", "26th May 1991", "26th of May, 1991",
		"May 26th, 1991", "26May1991", "1991 May 26", "26. Mai 1991", "26 mai 1991", "26 de mayo de 1991", "May\u00a026, 1991",
		"1991-05-26T00:00:00Z", "1991-05-26 00:00:00", "19910526 10:00", "05/26/1991 (mm/dd/yyyy)", "  1991-05-26\n",
	} {
		checkAppend(t, FieldBirthdate, raw, Hints{}, "1991-05-26", 0)
	}
}

func TestMonthsAreKnownInFourLanguages(t *testing.T) {
	f := func(want string, words ...string) {
		t.Helper()
		for _, word := range words {
			checkAppend(t, FieldBirthdate, "7 "+word+" 1980", Hints{}, "1980-"+want+"-07", 0)
		}
	}
	f("01", "January", "Jan", "jan.", "Januar", "Jänner", "janvier", "enero", "ene")
	f("02", "February", "Feb.", "février", "fevrier", "febrero")
	f("03", "March", "Mar", "März", "Maerz", "mars", "marzo")
	f("04", "April", "apr", "avril", "abril")
	f("05", "May", "Mai", "mayo")
	f("06", "June", "Juni", "juin", "junio")
	f("07", "July", "Juli", "juillet", "juil.", "julio")
	f("08", "August", "aug", "août", "aout", "agosto")
	f("09", "September", "Sept.", "sep", "septembre", "setiembre")
	f("10", "October", "Okt", "octobre", "octubre")
	f("11", "November", "nov", "noviembre")
	f("12", "December", "Dez.", "décembre", "diciembre")
}

func TestDayAndMonthThatCouldSwapAreReadMonthFirst(t *testing.T) {
	f := func(raw, want string, note Note) {
		t.Helper()
		checkAppend(t, FieldBirthdate, raw, Hints{}, want, note)
	}
	f("05/03/1995", "1995-05-03", DateAmbiguous)
	f("05-03-1995", "1995-05-03", DateAmbiguous)
	f("05/05/1995", "1995-05-05", 0)
	f("05.03.1995", "1995-03-05", 0)
	f("1995-05-03", "1995-05-03", 0)
}

func TestBirthdateOutsideOfALifeIsRefused(t *testing.T) {
	now := time.Date(2025, 6, 15, 23, 30, 0, 0, time.FixedZone("", -3600))
	f := func(raw, want string, note Note) {
		t.Helper()
		checkAppend(t, FieldBirthdate, raw, Hints{Now: now}, want, note)
	}
	f("2025-06-16", "2025-06-16", 0)
	f("2025-06-17", "", Rejected|DateOutOfRange)
	f("2030-01-01", "", Rejected|DateOutOfRange)
	f("1900-01-01", "1900-01-01", 0)
	f("1899-12-31", "", Rejected|DateOutOfRange)
	f("0000-01-01", "", Rejected|DateOutOfRange)
	f("26051991", "", Rejected)
	checkAppend(t, FieldBirthdate, "2030-01-01", Hints{}, "2030-01-01", 0)
}

func TestWhatIsNoDateIsRejected(t *testing.T) {
	for _, raw := range []string{
		"12/31/90", "01-01-01", "12-31", "1990-02-30", "1900-02-29", "2001-02-29", "01-32-1990", "1990-13-01", "31/04/1990",
		"1990-00-10", "1990-01-00", "1990123", "1990", "199105261", "19910526x", "May 1991", "Jui 7 1980", "Ma 7 1980",
		"Foo 26, 1991", "26 Smarch 1991", "1991-05-26foo", "1991-05-26 or so", "abc", "-1991-05-26", "1991-05", "5/26/19911",
		"12345/5/26", "１９９１-05-26", "5/26/1991/7", "\xff\xfe",
	} {
		checkAppend(t, FieldBirthdate, raw, Hints{}, "", Rejected)
	}
	checkAppend(t, FieldBirthdate, "", Hints{}, "", 0)
	for _, leap := range []string{"2000-02-29", "1996-02-29"} {
		checkAppend(t, FieldBirthdate, leap, Hints{}, leap, 0)
	}
}
