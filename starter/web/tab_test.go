package web_test

import (
	"context"
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
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is for one thing to appear on a page; two slow cores under -race need some.
const patience = 60 * time.Second

// browser is one Chromium for all tests.
type browser struct{ ctx context.Context }

func startBrowser(t *testing.T) browser {
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
	return browser{ctx}
}

// tab is one page of the browser, as wide as a small phone.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

func (b browser) open(t *testing.T, address string) *tab {
	t.Helper()
	tb := b.tab(t)
	tb.do(chromedp.Navigate(address))
	return tb
}

func (b browser) openWithoutScript(t *testing.T, address string) *tab {
	t.Helper()
	tb := b.tab(t)
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}), chromedp.Navigate(address))
	return tb
}

func (b browser) tab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	tb := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, tb.hear))
	tb.do(chromedp.EmulateViewport(360, 740))
	return tb
}

// hear collects what a page must not have: exceptions, and what the content security policy held back.
func (tb *tab) hear(event any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		what := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			what += ": " + e.ExceptionDetails.Exception.Description
		}
		tb.problems = append(tb.problems, what)
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
			tb.problems = append(tb.problems, e.Entry.Text)
		}
	}
}

// fine says that the walk went without such problems.
func (tb *tab) fine() {
	tb.t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	require.Empty(tb.t, tb.problems)
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	require.NoError(tb.t, chromedp.Do(ctx, steps...))
}

// see waits until the element shows the text.
func (tb *tab) see(selector, want string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	shown := "nothing"
	for !strings.Contains(shown, want) {
		// The page may be on its way to the next one: then there is nothing to read yet.
		now, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.querySelector(`"+selector+"`)?.innerText ?? ''"))
		if err == nil {
			shown = now
		}
		require.NoError(tb.t, ctx.Err(), "%s shows %q, not %q", selector, shown, want)
	}
}

func (tb *tab) visible(selector string) {
	tb.t.Helper()
	tb.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// fill sets the value of an input or a list.
func (tb *tab) fill(selector, value string) {
	tb.t.Helper()
	tb.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// shoot checks that nothing is wider than a small phone, and keeps a picture of the page, narrow and wide, when
// OFFSESSION_SCREENSHOTS names a folder.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	width, err := chromedp.Run(tb.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	require.NoError(tb.t, err)
	require.LessOrEqual(tb.t, width, 360, name)
	folder := os.Getenv("OFFSESSION_SCREENSHOTS")
	if folder == "" {
		return
	}
	for size, wide := range map[string]int64{"narrow": 360, "wide": 1280} {
		tb.do(chromedp.EmulateViewport(wide, 740))
		shot, err := chromedp.Call(tb.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		require.NoError(tb.t, err)
		require.NoError(tb.t, os.WriteFile(filepath.Join(folder, name+"-"+size+".png"), shot.Data, 0o600))
	}
	tb.do(chromedp.EmulateViewport(360, 740))
}
