package network

import "time"

// moment is a date and a time of day as written.
type moment struct{ year, month, day, hour, minute, second, milli int }

// ms returns the moment in milliseconds since the epoch; false when there is no
// such day or time.
func (d moment) ms(zone *time.Location) (int64, bool) {
	if d.month < 1 || d.month > 12 || d.day < 1 || d.hour > 23 || d.minute > 59 || d.second > 60 {
		return 0, false
	}
	if d.day > time.Date(d.year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return 0, false
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, d.milli*int(time.Millisecond), zone)
	return t.UnixMilli(), true
}

// isoDate reads 2023-11-14, 2023/11/14 22:13, 2023-11-14T22:13:20.5670000Z,
// 2023-11-14 22:13:20 +01:00 and the like: ISO 8601 as networks write it. A blank
// before a zone without a sign was a '+' before form decoding.
func isoDate(text string, zone *time.Location) (int64, bool) {
	r := isoReader{text: text}
	d := moment{year: r.digits(4)}
	separator := r.one("-/")
	d.month = r.digits(2)
	if separator == 0 || r.one(string(rune(separator))) == 0 {
		return 0, false
	}
	d.day = r.digits(2)
	if r.bad {
		return 0, false
	}
	if r.text == "" {
		return d.ms(zone)
	}
	if r.one("T t") == 0 {
		return 0, false
	}
	r.clock(&d)
	if r.bad {
		return 0, false
	}
	offset, given := r.zone()
	if r.bad || r.text != "" {
		return 0, false
	}
	if !given {
		return d.ms(zone)
	}
	ms, ok := d.ms(time.UTC)
	return ms - int64(offset)*60_000, ok
}

// isoReader takes a text apart from its front. bad stays set after the first
// thing that does not fit.
type isoReader struct {
	text string
	bad  bool
}

// digits takes exactly n digits.
func (r *isoReader) digits(n int) int {
	if len(r.text) < n {
		r.bad = true
		return 0
	}
	v := 0
	for i := range n {
		c := r.text[i]
		if c < '0' || c > '9' {
			r.bad = true
			return 0
		}
		v = v*10 + int(c-'0')
	}
	r.text = r.text[n:]
	return v
}

// one takes one of the bytes of set, 0 if none stands there.
func (r *isoReader) one(set string) byte {
	for i := range len(set) {
		if r.text != "" && r.text[0] == set[i] {
			r.text = r.text[1:]
			return set[i]
		}
	}
	return 0
}

// clock takes hh:mm[:ss[.fraction]]; an hour before ten may lack its zero.
func (r *isoReader) clock(d *moment) {
	if len(r.text) > 1 && r.text[1] == ':' {
		d.hour = r.digits(1)
	} else {
		d.hour = r.digits(2)
	}
	if r.one(":") == 0 {
		r.bad = true
	}
	d.minute = r.digits(2)
	if r.one(":") == 0 {
		return
	}
	d.second = r.digits(2)
	if r.one(".,") == 0 {
		return
	}
	seen := 0
	for ; r.text != "" && r.text[0] >= '0' && r.text[0] <= '9'; seen++ {
		if seen < 3 {
			d.milli = d.milli*10 + int(r.text[0]-'0')
		}
		r.text = r.text[1:]
	}
	r.bad = r.bad || seen == 0
	for ; seen < 3; seen++ {
		d.milli *= 10
	}
}

// zone takes Z, UTC, GMT, ±hh, ±hhmm or ±hh:mm and returns its minutes east of
// Greenwich.
func (r *isoReader) zone() (minutes int, given bool) {
	blank := r.one(" ") != 0
	switch r.text {
	case "":
		return 0, false
	case "Z", "z", "UTC", "GMT":
		r.text = ""
		return 0, true
	}
	sign := 1
	switch r.one("+-") {
	case '-':
		sign = -1
	case 0:
		r.bad = r.bad || !blank
	}
	minutes = r.digits(2) * 60
	if r.text != "" {
		r.one(":")
		minutes += r.digits(2)
	}
	if minutes > 18*60 {
		r.bad = true
	}
	return sign * minutes, true
}
