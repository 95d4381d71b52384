package stripesandbox

import "slices"

// routes are all endpoints of the API.
func routes() []route {
	return slices.Concat(
		customerRoutes, paymentMethodRoutes, setupIntentRoutes, paymentIntentRoutes, checkoutRoutes,
		mandateRoutes, setupAttemptRoutes, balanceTransactionRoutes,
		chargeRoutes, refundRoutes, disputeRoutes, eventRoutes, webhookEndpointRoutes,
		subscriptionRoutes, invoiceRoutes,
		productRoutes, priceRoutes, couponRoutes, meterRoutes, customerBalanceRoutes, testClockRoutes,
	)
}
