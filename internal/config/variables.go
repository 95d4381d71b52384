package config

// variables is the environment as text. Everything is a string so that every mistake can be reported, and not the
// first one alone. A variable that is set but empty counts as not set.
type variables struct {
	StripeAPIKey         string `envconfig:"STRIPE_API_KEY"`
	StripePublishableKey string `envconfig:"STRIPE_PUBLISHABLE_KEY"`
	StripeWebhookSecret  string `envconfig:"STRIPE_WEBHOOK_SECRET"`
	StripeAPIBase        string `envconfig:"STRIPE_API_BASE"`
	StripeAllowLive      string `envconfig:"STRIPE_ALLOW_LIVE"`
	StripeRateLimit      string `envconfig:"STRIPE_RATE_LIMIT"`

	TaskQueue          string `envconfig:"OFFSESSION_TASK_QUEUE"`
	Deployment         string `envconfig:"OFFSESSION_DEPLOYMENT"`
	BuildID            string `envconfig:"OFFSESSION_BUILD_ID"`
	Listen             string `envconfig:"OFFSESSION_LISTEN"`
	PublicURL          string `envconfig:"OFFSESSION_PUBLIC_URL"`
	ReturnURL          string `envconfig:"OFFSESSION_RETURN_URL"`
	LinkSecret         string `envconfig:"OFFSESSION_LINK_SECRET"`
	CheckoutUI         string `envconfig:"OFFSESSION_CHECKOUT_UI"`
	TimeZone           string `envconfig:"OFFSESSION_TIME_ZONE"`
	AdoptSubscriptions string `envconfig:"OFFSESSION_ADOPT_SUBSCRIPTIONS"`
	MetricsListen      string `envconfig:"OFFSESSION_METRICS_LISTEN"`
	LogLevel           string `envconfig:"OFFSESSION_LOG_LEVEL"`
	LogFormat          string `envconfig:"OFFSESSION_LOG_FORMAT"`

	SMTPURL             string `envconfig:"SMTP_URL"`
	NotifyFrom          string `envconfig:"NOTIFY_FROM"`
	NotifyWebhookURL    string `envconfig:"NOTIFY_WEBHOOK_URL"`
	NotifyWebhookSecret string `envconfig:"NOTIFY_WEBHOOK_SECRET"`
	AmountWebhookURL    string `envconfig:"AMOUNT_WEBHOOK_URL"`
	AmountWebhookSecret string `envconfig:"AMOUNT_WEBHOOK_SECRET"`
}
