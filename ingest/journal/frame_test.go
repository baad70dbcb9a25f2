package journal

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// anyRecord draws a record; empty Headers and Meta are nil, as they come back.
func anyRecord(t *rapid.T) Record {
	field := func(name string) []byte {
		b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, name)
		if rapid.Bool().Draw(t, name+" is nil") {
			return nil
		}
		return b
	}
	some := func(b []byte) []byte {
		if len(b) == 0 {
			return nil
		}
		return b
	}
	return Record{
		Topic: rapid.Byte().Draw(t, "topic"), Time: rapid.Int64().Draw(t, "time"),
		Key: field("key"), Value: field("value"), Headers: some(field("headers")), Meta: some(field("meta")),
	}
}

func TestAFrameHoldsItsRecordAndItsNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord(t)
		seq, salt := rapid.Uint64().Draw(t, "seq"), rapid.Uint64().Draw(t, "salt")
		frame := appendFrame([]byte("x"), &r, flagFirst)[1:]
		if int64(len(frame)) != frameHead+payloadSize(&r) {
			t.Fatalf("%d bytes, computed %d", len(frame), frameHead+payloadSize(&r))
		}
		finishFrame(frame, seq, salt, 0)
		h, ok := parseFrameHeader(frame, salt)
		if !ok || !intact(frame) || h.seq != seq || h.flags != flagFirst || h.bytes() != int64(len(frame)) {
			t.Fatalf("head %+v, %v", h, ok)
		}
		got, ok := parsePayload(frame[frameHead:])
		if !ok || !sameRecord(got, r) {
			t.Fatalf("%+v came back as %+v", r, got)
		}
		at := rapid.IntRange(0, len(frame)-1).Draw(t, "at")
		frame[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if h, ok := parseFrameHeader(frame, salt); ok && h.bytes() <= int64(len(frame)) && intact(frame[:h.bytes()]) {
			t.Fatalf("bit in byte %d flipped unnoticed", at)
		}
	})
}

func TestAPayloadCannotBeGrownIntoItsNeighbour(t *testing.T) {
	r := Record{Key: []byte("key"), Value: []byte("value"), Headers: []byte("h"), Meta: []byte("meta")}
	payload := appendFrame(nil, &r, 0)[frameHead:]
	got, _ := parsePayload(payload)
	for _, field := range [][]byte{got.Key, got.Meta, got.Headers, got.Value} {
		_ = append(field, "XXXX"...)
	}
	if again, ok := parsePayload(payload); !ok || !sameRecord(again, r) {
		t.Fatalf("now %+v", again)
	}
}

func TestMalformedPayloadsAreRefused(t *testing.T) {
	head := string(make([]byte, payloadHead))
	for _, p := range []string{
		"", "short", head, head + "\x00", head + "\x00\x00", head + "\x01\x00\x00", head + "\x01\x01\x01ab",
		head + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00", head + "\x80",
	} {
		if r, ok := parsePayload([]byte(p)); ok {
			t.Errorf("%q was taken for %+v", p, r)
		}
	}
}

func TestASegmentHeaderComesBackAndNoBitOfItIsIdle(t *testing.T) {
	want := segmentHeader{version: segmentVersion, base: 12345, salt: 0xfeedfacecafebeef}
	b := want.append(nil)
	if got, ok := parseSegmentHeader(b); !ok || got != want || len(b) != headerBytes {
		t.Fatalf("%+v, %v, %d bytes", got, ok, len(b))
	}
	for bit := range len(b) * 8 {
		flipped := bytes.Clone(b)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, ok := parseSegmentHeader(flipped); ok {
			t.Errorf("bit %d flipped unnoticed", bit)
		}
	}
	if _, ok := parseSegmentHeader(b[:headerBytes-1]); ok {
		t.Error("a short header was accepted")
	}
}

func TestSegmentNamesSortByNumber(t *testing.T) {
	names := []string{segmentName(0), segmentName(9), segmentName(10), segmentName(1<<63 + 5), segmentName(1<<64 - 1)}
	for i, want := range []uint64{0, 9, 10, 1<<63 + 5, 1<<64 - 1} {
		if got, ok := parseSegmentName(names[i]); !ok || got != want || i > 0 && names[i] <= names[i-1] {
			t.Errorf("%s is %d, %v", names[i], got, ok)
		}
	}
	for _, name := range []string{"1.seg", "0000000000000000000x.seg", "99999999999999999999.seg", "00000000000000000001", "lock"} {
		if n, ok := parseSegmentName(name); ok {
			t.Errorf("%s was taken for %d", name, n)
		}
	}
}
