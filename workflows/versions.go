package workflows

// A worker replays the histories of everything that is open, those of older builds included. A change of the commands that a
// workflow gives (activities, timers, children, Updates, search attributes: which, or in what order) therefore stands behind
// workflow.GetVersion, and this file is the only one that calls it: one constant and one function per change,
//
//	// changeNoticeFirst: agreements tell the customer before they look at the card. Since v0.2.0.
//	const changeNoticeFirst = "billing-agreement-notice-first"
//
//	func noticeFirst(ctx workflow.Context) bool {
//		return workflow.GetVersion(ctx, changeNoticeFirst, workflow.DefaultVersion, 1) == 1
//	}
//
// The id begins with the workflow type's name in kebab-case, says the change, and is never used again. The old branch stays:
// histories of every release are replayed for ever. CONTRIBUTING.md says what else a change needs.
