package config

import "runtime/debug"

// NoVersion is the Version of a build that has none.
const NoVersion = "devel"

// Version is the version of this build: the module's when it was installed by version, else the commit it was built
// from, else NoVersion.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return NoVersion
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return NoVersion
}
