package publish

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// login is one run of a SASL mechanism. next is called with nil first, then with
// every challenge; single tells whether the first answer ends it.
type login interface {
	name() string
	next(challenge []byte) (reply []byte, done bool, err error)
	single() bool
}

// exchange begins a login.
func (s SASL) exchange() login {
	switch s.Mechanism {
	case ScramSHA256:
		return &scram{user: s.Username, password: s.Password, mechanism: "SCRAM-SHA-256", hash: sha256.New}
	case ScramSHA512:
		return &scram{user: s.Username, password: s.Password, mechanism: "SCRAM-SHA-512", hash: sha512.New}
	}
	return plain(s)
}

// plain is RFC 4616.
type plain SASL

func (plain) name() string { return "PLAIN" }

func (p plain) next([]byte) ([]byte, bool, error) {
	return []byte("\x00" + p.Username + "\x00" + p.Password), false, nil
}

func (plain) single() bool { return true }

const (
	// minIterations and maxIterations bound the work a server may ask for; Kafka
	// uses 4096 and more (RFC 7677 section 4), and a hostile number would stall us.
	minIterations = 4096
	maxIterations = 1 << 20
	nonceBytes    = 18
)

// errScram is wrapped by everything the server can do wrong.
var errScram = errors.New("SCRAM")

// scram is RFC 5802 without channel binding, as Kafka speaks it. The password is
// used as it is: a non-ASCII one must already be in the normal form of SASLprep.
type scram struct {
	user, password, mechanism string
	hash                      func() hash.Hash

	nonce     string
	firstBare string
	signature []byte // what the server must prove, nil before the proof was sent
}

func (s *scram) name() string { return s.mechanism }

func (s *scram) single() bool { return false }

// next runs client-first, client-final and the check of the server's signature.
func (s *scram) next(challenge []byte) ([]byte, bool, error) {
	switch {
	case s.firstBare == "":
		if s.nonce == "" {
			s.nonce = base64.RawStdEncoding.EncodeToString(random(nonceBytes))
		}
		user := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.user)
		s.firstBare = "n=" + user + ",r=" + s.nonce
		return []byte("n,," + s.firstBare), false, nil
	case s.signature == nil:
		reply, err := s.prove(string(challenge))
		return reply, false, err
	}
	return nil, true, s.verify(challenge)
}

// prove answers server-first.
func (s *scram) prove(serverFirst string) ([]byte, error) {
	attrs := attributes(serverFirst)
	salt, err := base64.StdEncoding.DecodeString(attrs['s'])
	if err != nil || len(salt) == 0 {
		return nil, fmt.Errorf("%w: the server sent no usable salt", errScram)
	}
	if !strings.HasPrefix(attrs['r'], s.nonce) || len(attrs['r']) == len(s.nonce) {
		return nil, fmt.Errorf("%w: the server did not take up our nonce", errScram)
	}
	rounds, err := strconv.Atoi(attrs['i'])
	if err != nil || rounds < minIterations || rounds > maxIterations {
		return nil, fmt.Errorf("%w: the server asks for %q iterations, %d to %d are accepted",
			errScram, attrs['i'], minIterations, maxIterations)
	}
	salted, err := pbkdf2.Key(s.hash, s.password, salt, rounds, s.hash().Size())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errScram, err)
	}
	withoutProof := "c=biws,r=" + attrs['r']
	message := []byte(s.firstBare + "," + serverFirst + "," + withoutProof)
	clientKey := s.mac(salted, []byte("Client Key"))
	h := s.hash()
	h.Write(clientKey)
	proof := s.mac(h.Sum(nil), message)
	subtle.XORBytes(proof, proof, clientKey)
	s.signature = s.mac(s.mac(salted, []byte("Server Key")), message)
	return []byte(withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// verify checks that the server knows the password too.
func (s *scram) verify(serverFinal []byte) error {
	got, err := base64.StdEncoding.DecodeString(attributes(string(serverFinal))['v'])
	if err != nil || !hmac.Equal(got, s.signature) {
		return fmt.Errorf("%w: the server could not prove that it knows the password", errScram)
	}
	return nil
}

func (s *scram) mac(key, message []byte) []byte {
	m := hmac.New(s.hash, key)
	m.Write(message)
	return m.Sum(nil)
}

// attributes splits "a=x,b=y".
func attributes(message string) map[byte]string {
	attrs := make(map[byte]string)
	for part := range strings.SplitSeq(message, ",") {
		if len(part) >= 2 && part[1] == '=' {
			attrs[part[0]] = part[2:]
		}
	}
	return attrs
}

// random returns n unpredictable bytes; crypto/rand cannot fail.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
