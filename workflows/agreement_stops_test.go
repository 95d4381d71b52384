package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// What stops an agreement, told by a webhook or, when that is lost, found with the next charge.
func TestAgreementStops(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		happens func(b *agreementBench) (event, object string)
		reason  string
		// lostAt is how it ends when the webhook never comes: the reason after the next charge, and the charges sent.
		lostReason string
		lostSends  int
	}{
		"customer deleted": {
			happens: func(b *agreementBench) (string, string) {
				b.stripe.deleteCustomer("cus_1")
				return "customer.deleted", "cus_1"
			},
			reason: workflows.AgreementReasonCustomerDeleted, lostReason: workflows.AgreementReasonCustomerDeleted, lostSends: 2,
		},
		"method detached": {
			happens: func(b *agreementBench) (string, string) {
				b.stripe.detach("pm_card")
				return "payment_method.detached", "pm_card"
			},
			reason: workflows.AgreementReasonMethodDetached, lostReason: workflows.AgreementReasonMethodDetached, lostSends: 2,
		},
		"dispute": {
			happens: func(b *agreementBench) (string, string) {
				return "charge.dispute.created", b.stripe.dispute(b.status().Payments[0].PaymentIntent)
			},
			reason: workflows.AgreementReasonDisputed, lostReason: workflows.AgreementReasonDisputed, lostSends: 1,
		},
		"mandate": {
			happens: func(b *agreementBench) (string, string) {
				b.stripe.mandate("mandate_1", "pm_card")
				b.stripe.inactivateMandate("mandate_1")
				b.stripe.script = []answer{declinedWith("revocation_of_authorization")}
				return "mandate.updated", "mandate_1"
			},
			reason: workflows.AgreementReasonMandateInactive, lostReason: workflows.AgreementReasonConsentRevoked, lostSends: 2,
		},
	} {
		for _, webhook := range []string{"one", "twice", "forged", "lost"} {
			t.Run(name+", webhook "+webhook, func(t *testing.T) {
				t.Parallel()
				b := newAgreementBench(t)
				b.at(b.day("2026-02-10"), func() {
					if webhook == "forged" {
						for _, e := range []string{"customer.deleted", "payment_method.detached", "mandate.updated", "charge.dispute.created"} {
							b.signal("evt_forged_"+e, e, "pm_card")
						}
						return
					}
					event, object := test.happens(b)
					if webhook != "lost" {
						b.signal("evt_1", event, object)
					}
					if webhook == "twice" {
						b.signal("evt_1", event, object)
						b.signal("evt_2", event, object)
					}
				})
				switch webhook {
				case "forged":
					require.Equal(t, 3, b.agree(agreementInput()).Paid)
					return
				case "lost":
					b.expectState(b.day("2026-02-27"), workflows.AgreementActive, "")
					b.expectState(b.day("2026-03-02"), workflows.AgreementNeedsAttention, test.lostReason)
					b.at(b.day("2026-03-02"), func() { require.Len(t, b.charged(), test.lostSends) })
				default:
					b.expectState(b.day("2026-02-11"), workflows.AgreementNeedsAttention, test.reason)
					b.expectState(b.day("2026-04-02"), workflows.AgreementNeedsAttention, test.reason)
					b.at(b.day("2026-02-11"), func() {
						require.Equal(t, []activities.NotificationKind{activities.NotifyAgreementPaused}, b.stripe.told(), "the operator is told once")
					})
				}
				b.at(b.day("2026-04-02"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
				b.agree(agreementInput())
			})
		}
	}
}

// A stop is left by what mends it: a new card by itself, anything else by an operator, with the catch-up of their choice.
func TestAgreementGoesOnAfterAStop(t *testing.T) {
	t.Parallel()
	t.Run("a detached method, a new card", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		b.at(b.day("2026-02-10"), func() {
			b.stripe.detach("pm_card")
			b.signal("evt_1", "payment_method.detached", "pm_card")
		})
		b.at(b.day("2026-02-11"), func() {
			require.Equal(t, "gym-17~card1", b.status().SavePaymentMethod)
			require.True(t, b.family.setups["gym-17~card1"].Notify, "nobody else tells the customer")
			r := b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{})
			b.env.RegisterDelayedCallback(func() { require.ErrorContains(t, r.refused(), "change it first") }, time.Minute)
		})
		b.at(b.day("2026-03-10"), func() {
			b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: workflows.SetupSaved, PaymentMethod: "pm_other"}, false)
		})
		require.Equal(t, 3, b.agree(agreementInput()).Paid)
		require.Equal(t, []string{"gym-17~20260131", "gym-17~20260228", "gym-17~20260331"}, b.charged(), "the date in between is caught up")
		require.Equal(t, []string{"pm_card", "pm_other", "pm_other"}, methodsOf(b.stripe.sends))
	})
	t.Run("a dispute is acknowledged", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		b.at(b.day("2026-02-10"), func() {
			b.signal("evt_1", "charge.dispute.created", b.stripe.dispute(b.status().Payments[0].PaymentIntent))
		})
		b.at(b.day("2026-02-11"), func() { b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{}) })
		require.Equal(t, 3, b.agree(agreementInput()).Paid, "the same dispute does not stop it again")
	})
	t.Run("of another agreement", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		b.at(b.day("2026-02-10"), func() {
			pi := b.stripe.known(activities.PaymentIntentSucceeded, func(pi *activities.PaymentIntent) {
				pi.Metadata = map[string]string{activities.MetadataOwner: "agreement:other", activities.MetadataReference: "other~20260101"}
			})
			b.signal("evt_1", "charge.dispute.created", b.stripe.dispute(pi.ID))
		})
		require.Equal(t, 3, b.agree(agreementInput()).Paid)
	})
	t.Run("the bank says that consent is revoked", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		b.stripe.script = []answer{declinedWith("revocation_of_all_authorizations")}
		b.expectState(b.day("2026-02-01"), workflows.AgreementNeedsAttention, workflows.AgreementReasonConsentRevoked)
		b.at(b.day("2026-02-01"), func() {
			require.Contains(t, b.family.payments, "gym-17~20260131", "what is owed is still collected")
			b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentPaid}, false)
		})
		b.at(b.day("2026-03-01"), func() {
			b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{CatchUp: workflows.CatchUpAll})
		})
		require.Equal(t, 3, b.agree(agreementInput()).Paid)
	})
	t.Run("consent revoked in a later attempt", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		b.at(b.day("2026-02-10"), func() {
			b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentUncollectible, DeclineCode: "stop_payment_order"}, false)
		})
		b.expectState(b.day("2026-02-11"), workflows.AgreementNeedsAttention, workflows.AgreementReasonConsentRevoked)
		b.at(b.day("2026-02-12"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
		b.agree(agreementInput())
	})
	t.Run("gone before it began", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		b.stripe.detach("pm_card")
		b.expectState(time.Hour, workflows.AgreementNeedsAttention, workflows.AgreementReasonMethodDetached)
		b.at(2*time.Hour, func() { b.operate(changeMethod, "", workflows.AgreementOperation{PaymentMethod: "pm_other"}) })
		require.Equal(t, 3, b.agree(agreementInput()).Paid)
	})
	t.Run("a payment's workflow is lost", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		b.at(b.day("2026-02-01"), func() { b.family.known["payment:gym-17~20260131"] = activities.OwnedWorkflow{Lost: true} })
		b.expectState(b.day("2026-02-03"), workflows.AgreementNeedsAttention, workflows.AgreementReasonPaymentLost)
		b.at(b.day("2026-02-03"), func() {
			require.Equal(t, workflows.AgreementPaymentLost, states(b.status())["gym-17~20260131"])
			b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{})
		})
		require.Equal(t, 2, b.agree(agreementInput()).Paid)
	})
}

// An agreement whose reference had an earlier life takes nothing that was taken then.
func TestAgreementWithAnEarlierLife(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	earlier := func(reference string, status activities.PaymentIntentStatus) {
		b.stripe.known(status, func(pi *activities.PaymentIntent) {
			pi.Metadata = map[string]string{activities.MetadataOwner: "agreement:gym-17", activities.MetadataReference: reference}
		})
	}
	earlier("gym-17~20260131", activities.PaymentIntentSucceeded)
	earlier("gym-17~20260228", activities.PaymentIntentCanceled)
	earlier("gym-17~now3", activities.PaymentIntentSucceeded)
	var r *reply[workflows.AgreementResponse]
	b.at(time.Hour, func() { r = b.operate(workflows.UpdateChargeNow, "one", workflows.AgreementOperation{Amount: 100}) })
	b.at(b.day("2026-03-02"), func() {
		require.Equal(t, map[string]workflows.AgreementPaymentState{
			"gym-17~now4": workflows.AgreementPaymentPaid, "gym-17~20260131": workflows.AgreementPaymentPaid, "gym-17~20260228": workflows.AgreementPaymentCanceled,
		}, states(b.status()))
	})
	b.agree(agreementInput())
	require.Equal(t, "gym-17~now4", r.value.Payment)
	require.Equal(t, []string{"gym-17~now4", "gym-17~20260331"}, b.charged())
}

func TestAgreementCeilings(t *testing.T) {
	t.Parallel()
	daily := calendar.Schedule{Every: "day", At: "09:00", Count: 20}
	t.Run("per month", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		in := agreementInput()
		in.Schedule, in.Amount, in.MaxAmountPerMonth = daily, 1000, 3500
		b.expectState(b.day("2026-01-18")+time.Hour, workflows.AgreementActive, "")
		b.expectState(b.day("2026-01-19")+time.Hour, workflows.AgreementNeedsAttention, workflows.AgreementReasonCeilingPerMonth)
		b.at(b.day("2026-01-20"), func() {
			r := b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{CatchUp: workflows.CatchUpLatest})
			b.env.RegisterDelayedCallback(func() { require.NoError(t, r.refused()) }, time.Second)
		})
		b.expectState(b.day("2026-01-20")+time.Hour, workflows.AgreementNeedsAttention, workflows.AgreementReasonCeilingPerMonth)
		b.at(b.day("2026-02-01"), func() {
			b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{CatchUp: workflows.CatchUpNone})
		})
		b.at(b.day("2026-02-02")+time.Hour, func() {
			r := b.operate(workflows.UpdateChargeNow, "", workflows.AgreementOperation{Amount: 3400})
			b.env.RegisterDelayedCallback(func() { require.ErrorContains(t, r.refused(), "ceiling_per_month") }, time.Second)
		})
		b.agree(in)
		require.Equal(t, []string{"gym-17~20260116", "gym-17~20260117", "gym-17~20260118", "gym-17~20260202", "gym-17~20260203", "gym-17~20260204"}, b.charged())
	})
	t.Run("per charge, by the app's word", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		in := agreementInput()
		in.Amount, in.AmountFrom, in.MaxAmountPerCharge = 0, workflows.AmountFromWebhook, 1500
		b.amount.next(answersAmount(1501))
		b.expectState(b.day("2026-02-01"), workflows.AgreementNeedsAttention, workflows.AgreementReasonCeilingPerCharge)
		b.at(b.day("2026-02-01"), func() { b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{}) })
		require.Equal(t, 2, b.agree(in).Paid)
		require.Equal(t, []string{"gym-17~20260228", "gym-17~20260331"}, b.charged())
	})
}

func TestAgreementAsksTheAppForTheAmount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []amountAnswer
		paid    int
		taken   int64
		at      string // when the first charge is sent
		reason  string
	}{
		"answers":              {[]amountAnswer{answersAmount(700)}, 3, 700 + 2*1099, "2026-01-31T08:00:00Z", ""},
		"silent for a moment":  {[]amountAnswer{answersNothing(), answersAmount(700)}, 3, 700 + 2*1099, "2026-01-31T08:00:00Z", ""},
		"nothing is due":       {[]amountAnswer{answersAmount(0)}, 2, 2 * 1099, "2026-02-28T08:00:00Z", ""},
		"garbage":              {[]amountAnswer{answersGarbage()}, 2, 2 * 1099, "2026-02-28T08:00:00Z", workflows.AgreementReasonAmountUnknown},
		"what no card can pay": {[]amountAnswer{answersAmount(1_000_000_000_000)}, 2, 2 * 1099, "2026-02-28T08:00:00Z", workflows.AgreementReasonAmountUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.Amount, in.AmountFrom = 0, workflows.AmountFromWebhook
			b.amount.next(test.answers...)
			if test.reason != "" {
				b.expectState(b.day("2026-02-01"), workflows.AgreementNeedsAttention, test.reason)
				b.at(b.day("2026-02-10"), func() { b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{}) })
			}
			require.Equal(t, test.paid, b.agree(in).Paid)
			require.Equal(t, test.taken, b.stripe.taken())
			require.Equal(t, test.at, b.stripe.sends[0].At.UTC().Truncate(time.Minute).Format(time.RFC3339))
			asked := b.amount.asked()
			last := asked[len(asked)-1]
			require.Equal(t, "gym-17~20260331", last.Reference)
			require.Equal(t, time.Date(2026, 2, 28, 8, 0, 0, 0, time.UTC), last.PeriodStart)
			require.Equal(t, time.Date(2026, 3, 31, 7, 0, 0, 0, time.UTC), last.PeriodEnd)
			require.Equal(t, b.start, asked[0].PeriodStart)
		})
	}
}

// An app that stays silent is asked at growing intervals for a day; operators are not kept waiting meanwhile.
func TestAgreementAppStaysSilent(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Amount, in.AmountFrom, in.CatchUp = 0, workflows.AmountFromWebhook, workflows.CatchUpNone
	b.amount.standing = answersNothing()
	due := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC).Sub(b.start)
	b.expectState(due+23*time.Hour, workflows.AgreementActive, "")
	b.expectState(due+25*time.Hour, workflows.AgreementNeedsAttention, workflows.AgreementReasonAmountUnknown)
	b.at(due+26*time.Hour, func() {
		require.Empty(t, b.stripe.sends)
		b.amount.standing = answersAmount(400)
		r := b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{CatchUp: workflows.CatchUpAll})
		b.env.RegisterDelayedCallback(func() { require.NoError(t, r.refused()) }, time.Second)
	})
	require.Equal(t, 3, b.agree(in).Paid)
	require.Equal(t, int64(3*400), b.stripe.taken())
}

func TestAgreementNotices(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.NoticeDays = 7
	b.stripe.updateCard("pm_card", 2, 2026)
	b.at(b.day("2026-03-25"), func() {
		// The customer was told on the 24th that the card is over by the 31st.
		require.Equal(t, "gym-17~card1", b.status().SavePaymentMethod)
		require.False(t, b.family.setups["gym-17~card1"].Notify)
		b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: workflows.SetupSaved, PaymentMethod: "pm_other"}, false)
	})
	b.agree(in)
	b.stripe.told() // in order
	var told []string
	for i, n := range b.stripe.deliveries {
		told = append(told, b.stripe.delivered[i].UTC().Format("2006-01-02 15:04 ")+string(n.Kind))
	}
	require.Equal(t, []string{
		"2026-01-24 08:00 upcoming_charge", "2026-02-21 08:00 upcoming_charge", "2026-03-24 08:00 card_expiring", "2026-03-24 08:00 upcoming_charge",
		"2026-03-31 07:00 agreement_ended",
	}, told)
	expiring := b.stripe.deliveries[2]
	require.Equal(t, "save-payment-method:gym-17~card1", expiring.WorkflowID)
	require.True(t, expiring.Link)
	require.Equal(t, time.Date(2026, 3, 31, 7, 0, 0, 0, time.UTC), expiring.DueAt)
	require.Equal(t, []string{"pm_card", "pm_card", "pm_other"}, methodsOf(b.stripe.sends))
}

func TestAgreementCardUpdatedByTheNetwork(t *testing.T) {
	t.Parallel()
	for _, webhook := range []bool{true, false} {
		b := newAgreementBench(t)
		b.stripe.updateCard("pm_card", 2, 2026)
		b.at(b.day("2026-03-10"), func() {
			b.stripe.updateCard("pm_card", 2, 2030)
			if webhook {
				b.signal("evt_1", "payment_method.automatically_updated", "pm_card")
			}
		})
		require.Equal(t, 3, b.agree(agreementInput()).Paid)
		require.NotContains(t, b.stripe.told(), activities.NotifyCardExpiring)
		require.Empty(t, b.family.setups)
	}
}
