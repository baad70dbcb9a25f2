// Command postback receives conversion postbacks of affiliate networks and
// publishes them as clean events.
//
// This package is the only reader of flags and environment and the only caller
// of os.Exit. Each command has a file of its own; config*.go read, check and
// print the configuration; serve.go builds the service from its leaves and
// takes it down in reverse. Data goes to standard output, talk to standard
// error. The exit status is 0 when the thing asked for was done, 1 when it
// failed or was refused, and 2 for wrong usage or configuration.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// streams are the ends of a command: in is read, out gets data, err gets talk.
type streams struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) (string, bool)
}

// usageError is a mistake of the caller: wrong flags, arguments or
// configuration.
type usageError struct{ err error }

// Error gives the text of the mistake.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap gives the mistake itself.
func (e *usageError) Unwrap() error { return e.err }

// usagef makes a usageError.
func usagef(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// errQuiet ends a command with status 1 after it has said why itself.
var errQuiet = errors.New("failed")

func main() {
	signal.Ignore(syscall.SIGPIPE) // a write to a closed pipe is an error like others, for a service must not die of it
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.LookupEnv}))
}

// run executes one command line and returns the exit status.
func run(args []string, s streams) int {
	root := newRoot(s)
	root.SetArgs(args)
	err := root.Execute()
	var wrong *usageError
	switch {
	case err == nil, isClosedPipe(err):
		return exitDone
	case errors.Is(err, errQuiet):
		return exitFailed
	case errors.As(err, &wrong):
		complain(s.err, err)
		return exitUsage
	}
	complain(s.err, err)
	return exitFailed
}

// complain writes an error, one line for each of its lines.
func complain(w io.Writer, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(w, "postback: %s\n", line)
	}
}

// newRoot builds the command tree.
func newRoot(s streams) *cobra.Command {
	root := newServe(s)
	root.Use, root.Short = "postback", "Receive conversion postbacks, publish clean events"
	root.Long = "postback receives the conversion postbacks of affiliate networks over HTTP, normalizes them,\n" +
		"drops repeats and publishes each conversion to Kafka, or to a local journal.\n\n" +
		"Without a command it serves: see `postback serve --help`."
	root.Example = "  postback                                  # serve on 127.0.0.1:8080, nothing else needed\n" +
		"  postback serve --config postback.yaml\n" +
		"  postback try tune 'aff_sub=c1&payout=4.50&currency=USD&transaction_id=t1'\n" +
		"  postback tail -f"
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newServe(s), newCheck(s), newConfig(s), newNetworks(s), newTry(s), newTail(s), newReplay(s), newJournal(s),
		newHash(s), newSchema(s), newVersion(s),
	)
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return usagef("unknown command %q%s `postback --help` lists the commands", args[0], hintOr(args[0], commandNames(cmd), ";"))
	}
	root.SetFlagErrorFunc(flagMistake)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	return root
}

// hintOr is didYouMean with a space behind, or the separator alone.
func hintOr(word string, words []string, separator string) string {
	if hint := didYouMean(word, words); hint != "" {
		return hint
	}
	return separator
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagMistake turns the flag parser's error into one line that says what was
// probably meant.
func flagMistake(cmd *cobra.Command, err error) error {
	help := fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usagef("%w; %s", err, help)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	name := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		return usagef("unknown flag -%s; %s", name, help)
	}
	return usagef("unknown flag --%s%s %s", name, hintOr("--"+name, names, ";"), help)
}

// argsBetween refuses another number of arguments than least to most; want
// names them.
func argsBetween(least, most int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s needs %s; `%s --help` shows an example", cmd.CommandPath(), want, cmd.CommandPath())
		case len(args) > most:
			return usagef("%s takes %s; %q is too much", cmd.CommandPath(), orWord(want, "no argument"), args[most])
		}
		return nil
	}
}
