package schema

import (
	"embed"
	"io/fs"
)

//go:embed networks/*.json
var networkFiles embed.FS

// Networks returns the folder of the presets that ship with the product, one
// JSON file a network, as package network reads them. It is read-only and safe
// for concurrent use.
func Networks() fs.FS {
	folder, err := fs.Sub(networkFiles, "networks")
	if err != nil {
		panic("BUG: the embedded folder networks is missing: " + err.Error())
	}
	return folder
}
