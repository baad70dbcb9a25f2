// Package admin is the second listener: health, metrics, profiles and reload,
// for operators and their machines, never for networks.
//
// It promises: the probes /livez and /readyz answer at once and ask nothing of
// other machines; everything else needs the bearer token when there is one;
// a listener on loopback answers only to loopback names, so that a web page
// cannot reach it by a name of its own that resolves to 127.0.0.1 (DNS
// rebinding), and takes no POST from another origin. Every connection has
// timeouts. It refuses to know the pipeline: what it shows comes through the
// functions of Config.
package admin
