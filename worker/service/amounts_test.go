package service

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
)

func TestAmountSource(t *testing.T) {
	t.Parallel()
	source, err := newAmountSource(config.Config{})
	require.NoError(t, err)
	require.Nil(t, source)

	source, err = newAmountSource(config.Config{AmountWebhookURL: "https://app.example.com", AmountWebhookSecret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"})
	require.NoError(t, err)
	require.NotNil(t, source)

	_, err = newAmountSource(config.Config{AmountWebhookURL: "https://app.example.com", AmountWebhookSecret: "hunter2"})
	require.ErrorContains(t, err, "AMOUNT_WEBHOOK_SECRET")
	require.NotContains(t, err.Error(), "hunter2")
}
