package ingest

import "testing"

func TestRouteAcceptsEverySpellingOfOneURL(t *testing.T) {
	f := func(path string, want route) {
		t.Helper()
		got, ok := parseRoute([]byte(path))
		if !ok || got != want {
			t.Errorf("parseRoute(%q) = %+v, %v, want %+v", path, got, ok, want)
		}
	}
	collect := route{property: "P1", network: "impact", action: actionCollect}
	f("/P1/collect/impact", collect)
	f("/P1/collect/impact/", collect)
	f("/P1/COLLECT/impact", collect)
	f("/P1/Collect/impact/", collect)
	f("/P1/collect/im%70act", collect)
	f("/P1/collect/impact.gif", route{property: "P1", network: "impact", action: actionCollect, pixel: true})
	f("/P1/collect/impact.GIF", route{property: "P1", network: "impact", action: actionCollect, pixel: true})
	f("/P1/validate/impact", route{property: "P1", network: "impact", action: actionValidate})
	f("/P%/collect/impact", route{property: "P%", network: "impact", action: actionCollect})
}

func TestRouteRefusesEverythingElse(t *testing.T) {
	for _, path := range []string{
		"", "/", "/P1", "/P1/", "/P1/collect", "/P1/collect/", "/P1//impact", "//collect/impact",
		"/P1/collect/impact/extra", "/P1/gather/impact", "/P1/collects/impact", "/P1/validate/a/b",
	} {
		if r, ok := parseRoute([]byte(path)); ok {
			t.Errorf("parseRoute(%q) = %+v, want nothing", path, r)
		}
	}
}

func TestTargetIsCutAtItsFirstQuestionMark(t *testing.T) {
	f := func(target, path, query string) {
		t.Helper()
		p, q := splitTarget([]byte(target))
		if string(p) != path || string(q) != query {
			t.Errorf("splitTarget(%q) = %q, %q", target, p, q)
		}
	}
	f("/a?b=c?d=e", "/a", "b=c?d=e")
	f("/a", "/a", "")
	f("http://host/a?b", "/a", "b")
	f("http://host?b", "", "b")
	f("http://host", "/", "")
}

func TestFenceRefusesWhatTwoParsersReadDifferently(t *testing.T) {
	f := func(head string, refused bool) {
		t.Helper()
		if got := fenceHeaders([]byte(head)); (got != "") != refused {
			t.Errorf("fenceHeaders(%q) = %q", head, got)
		}
	}
	f("Host: a\r\nAccept: b\r\n\r\n", false)
	f("Host: a\r\nContent-Length: 3\r\n\r\n", false)
	f("Host: a\r\nTransfer-Encoding: chunked\r\n\r\n", false)
	f("Host: a\nAccept: b\r\n\r\n", true)
	f("\nHost: a\r\n\r\n", true)
	f("Host: a\r\n folded\r\n\r\n", true)
	f("Host: a\r\n\tfolded\r\n\r\n", true)
	f("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true)
	f("content-length: 3\r\nX: y\r\nTRANSFER-ENCODING: chunked\r\n\r\n", true)
	f("X-Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false)
}
