package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, commit and Go version",
		Long:    "version prints what the binary was built from, as the Go toolchain recorded it.",
		Example: "  postback version",
		Args:    argsBetween(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(s.out, versionLine())
			return err
		},
	}
}

func versionLine() string {
	version, commit, dirty := "(devel)", "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = orWord(info.Main.Version, version)
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				commit = setting.Value[:min(12, len(setting.Value))]
			case setting.Key == "vcs.modified" && setting.Value == "true":
				dirty = " (modified)"
			}
		}
	}
	return fmt.Sprintf("postback %s, commit %s%s, %s %s/%s", version, commit, dirty, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
