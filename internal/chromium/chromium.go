// Package chromium drives Chromium for the tests of pages.
package chromium

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is for one thing to appear on a page; two slow cores under -race need some.
const patience = 60 * time.Second

// The viewport is as wide as a small phone, or a desktop window.
const (
	narrow = 360
	wide   = 1280
	height = 740
)

// Browser is one Chromium for several tests.
type Browser struct{ ctx context.Context } //nolint:containedctx // chromedp's handle of a browser is a context

// Start starts Chromium for the time of the test.
func Start(t *testing.T) Browser {
	t.Helper()
	var binary string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			binary = path
			break
		}
	}
	require.NotEmpty(t, binary, "this test needs Chromium: apt-get install chromium")
	// The defaults keep the browser from calling home; these add what they leave out. Chromium's sandbox does not work
	// for root, who runs this in containers.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	return Browser{ctx}
}

// Tab is one page of the browser, as wide as a small phone. Its selectors are CSS and reach into open shadow roots.
type Tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // chromedp's handle of a tab is a context

	mu       sync.Mutex
	problems []string
}

// Open opens a page in a new tab.
func (b Browser) Open(t *testing.T, address string) *Tab {
	t.Helper()
	tab := b.tab(t)
	tab.Do(chromedp.Navigate(address))
	return tab
}

// OpenWithoutScript opens a page in a new tab that runs no JavaScript of the page.
func (b Browser) OpenWithoutScript(t *testing.T, address string) *Tab {
	t.Helper()
	tab := b.tab(t)
	tab.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}), chromedp.Navigate(address))
	return tab
}

func (b Browser) tab(t *testing.T) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	tab := &Tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, tab.hear))
	tab.Do(chromedp.EmulateViewport(narrow, height))
	return tab
}

// hear collects what a page must not have: exceptions, errors on the console, and what the content security policy held back.
func (tab *Tab) hear(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		what := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			what += ": " + e.ExceptionDetails.Exception.Description
		}
		tab.problems = append(tab.problems, what)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			tab.problems = append(tab.problems, "console.error")
		}
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
			tab.problems = append(tab.problems, e.Entry.Text)
		}
	}
}

// Fine says that the walk went without such problems.
func (tab *Tab) Fine() {
	tab.t.Helper()
	tab.mu.Lock()
	defer tab.mu.Unlock()
	require.Empty(tab.t, tab.problems)
}

// Do runs the steps.
func (tab *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	require.NoError(tab.t, chromedp.Do(ctx, steps...))
}

// See waits until the element shows the text.
func (tab *Tab) See(selector, want string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	shown := "nothing"
	for !strings.Contains(shown, want) {
		// The page may be on its way to the next one: then there is nothing to read yet.
		now, err := chromedp.Run(ctx, chromedp.Evaluate[string](string(find(selector))+"?.innerText ?? ''"))
		if err == nil {
			shown = now
		}
		require.NoError(tab.t, ctx.Err(), "%s shows %q, not %q", selector, shown, want)
	}
}

// Visible waits until the element is there to be seen.
func (tab *Tab) Visible(selector string) {
	tab.t.Helper()
	tab.Do(chromedp.WaitVisible(find(selector)))
}

// Click clicks on the middle of the element, in the middle of the window where no bar lies over it.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.Visible(selector)
	tab.Do(
		chromedp.Evaluate[chromedp.Void](string(find(selector))+`.scrollIntoView({block: "center"})`),
		chromedp.Click(find(selector), chromedp.NodeVisible),
	)
}

// Fill sets the value of an input or a list.
func (tab *Tab) Fill(selector, value string) {
	tab.t.Helper()
	tab.Do(chromedp.SetValue(find(selector), value))
}

// Press presses keys on whatever has the focus.
func (tab *Tab) Press(keys ...string) {
	tab.t.Helper()
	for _, key := range keys {
		tab.Do(chromedp.KeyEvent(key))
	}
}

// Dark makes the browser prefer dark pages.
func (tab *Tab) Dark() {
	tab.t.Helper()
	tab.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
		return err
	}))
}

// Evaluate returns the value of a JavaScript expression; a promise is waited for.
func Evaluate[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(tab.t, err, expression)
	return value
}

// Shoot checks that nothing is wider than a small phone, and keeps a picture of the page, narrow and wide, when
// OFFSESSION_SCREENSHOTS names a folder.
func (tab *Tab) Shoot(name string) {
	tab.t.Helper()
	// Before that the style may be missing.
	Evaluate[bool](tab, `new Promise((done) => document.readyState === "complete" ? done(true) : addEventListener("load", () => done(true)))`)
	require.LessOrEqual(tab.t, Evaluate[int](tab, `document.scrollingElement.scrollWidth`), narrow, name)
	folder := os.Getenv("OFFSESSION_SCREENSHOTS")
	if folder == "" {
		return
	}
	for size, width := range map[string]int64{"narrow": narrow, "wide": wide} {
		tab.Do(chromedp.EmulateViewport(width, height))
		shot, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
		require.NoError(tab.t, err)
		file := filepath.Join(folder, name+"-"+size+".png")
		require.NoError(tab.t, os.WriteFile(file, shot, 0o600)) //nolint:gosec // whoever runs the tests names the folder
	}
	tab.Do(chromedp.EmulateViewport(narrow, height))
}

// find returns an expression for the first element that fits, in the page or in an open shadow root.
func find(selector string) chromedp.JSPath {
	quoted, err := json.Marshal(selector)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return chromedp.JSPath(`(function find(root) {
		const hit = root.querySelector(` + string(quoted) + `);
		if (hit) return hit;
		for (const host of root.querySelectorAll('*')) {
			const inner = host.shadowRoot && find(host.shadowRoot);
			if (inner) return inner;
		}
		return null;
	})(document)`)
}
