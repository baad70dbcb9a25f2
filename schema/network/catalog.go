package network

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/postbackhq/postback/schema"
)

// Catalog is a set of presets found by URL segment. It is immutable and safe for
// concurrent use.
type Catalog struct {
	presets map[string]*Preset // by name
	aliases map[string]string  // alias to name
}

// ErrNoPresets says that a folder of presets holds no JSON file.
var ErrNoPresets = errors.New("holds no preset: want files that end in .json")

// Builtin returns the presets that ship with the product. An error is a mistake
// in the product, which a test of this package excludes.
func Builtin() (*Catalog, error) {
	empty := Catalog{presets: map[string]*Preset{}, aliases: map[string]string{}}
	return empty.With(schema.Networks())
}

// With returns a catalog that also holds the presets in dir, files ending in
// .json at its top level; one with the name of a preset of c replaces it. c stays
// as it is. The error names every problem of every file.
func (c *Catalog) With(dir fs.FS) (*Catalog, error) {
	files, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, fmt.Errorf("listing presets: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("the folder of presets %w", ErrNoPresets)
	}
	var problems []error
	read := map[string]*Preset{}
	for _, file := range files {
		p, err := readFile(dir, file)
		switch {
		case err != nil:
			problems = append(problems, err)
		case read[p.Name] != nil:
			problems = append(problems, fmt.Errorf("%s: name: another file also holds the preset %q", file, p.Name)) //nolint:err113 // read by people
		default:
			read[p.Name] = p
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return c.merged(read)
}

func readFile(dir fs.FS, file string) (*Preset, error) {
	data, err := fs.ReadFile(dir, file)
	if err != nil {
		return nil, fmt.Errorf("reading a preset: %w", err)
	}
	p, err := ReadPreset(path.Base(file), data)
	if err != nil {
		return nil, err
	}
	if want := p.Name + ".json"; path.Base(file) != want {
		return nil, fmt.Errorf("%s: name: the preset %q belongs into %s", file, p.Name, want) //nolint:err113 // read by people
	}
	return p, nil
}

// merged returns c with read on top, and refuses segments that mean two networks.
// An alias of c that read uses as a name gives way.
func (c *Catalog) merged(read map[string]*Preset) (*Catalog, error) {
	next := &Catalog{presets: map[string]*Preset{}, aliases: map[string]string{}}
	for name, p := range c.presets {
		next.presets[name] = p
	}
	for name, p := range read {
		next.presets[name] = p
	}
	for _, own := range []bool{true, false} {
		for _, name := range next.Names() {
			if p := next.presets[name]; (read[name] == p) == own {
				if err := next.addAliases(p, own); err != nil {
					return nil, err
				}
			}
		}
	}
	return next, nil
}

// addAliases enters the aliases of p. Those of the new presets come first and
// must be free; older ones give way to them.
func (c *Catalog) addAliases(p *Preset, fresh bool) error {
	for _, alias := range p.Aliases {
		alias = strings.ToLower(alias)
		other, taken := c.aliases[alias]
		_, named := c.presets[alias]
		if named {
			other = alias
		}
		switch {
		case !taken && !named:
			c.aliases[alias] = p.Name
		case fresh && other != p.Name:
			return fmt.Errorf("%s.json: aliases: %q already means the preset %q", p.Name, alias, other) //nolint:err113 // read by people
		}
	}
	return nil
}

// Lookup returns the preset that a URL segment names, by name or alias, without
// regard to case.
func (c *Catalog) Lookup(segment string) (*Preset, bool) {
	segment = strings.ToLower(segment)
	if name, ok := c.aliases[segment]; ok {
		segment = name
	}
	p, ok := c.presets[segment]
	return p, ok
}

// Names returns the names of all presets, sorted. The slice is the caller's.
func (c *Catalog) Names() []string {
	names := make([]string, 0, len(c.presets))
	for name := range c.presets {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Suggest returns the name or alias that segment was probably meant to be, empty
// when nothing is close.
func (c *Catalog) Suggest(segment string) string {
	words := c.Names()
	for alias := range c.aliases {
		words = append(words, alias)
	}
	sort.Strings(words)
	return closest(strings.ToLower(segment), words)
}
