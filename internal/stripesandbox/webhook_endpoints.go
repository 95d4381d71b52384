package stripesandbox

import (
	"cmp"
	"net/url"
	"slices"
)

// webhookEndpoint: https://docs.stripe.com/api/webhook_endpoints/object
type webhookEndpoint struct {
	header
	URL           string
	Description   string
	Secret        string
	EnabledEvents []string
	Disabled      bool
	Deleted       bool
	created       bool // only the answer to the creation shows the secret
}

func (e *webhookEndpoint) render(w *writer) {
	w.open("")
	w.str("id", e.ID)
	w.str("object", "webhook_endpoint")
	if e.Deleted {
		w.boolean("deleted", true)
		w.close()
		return
	}
	w.str("api_version", APIVersion)
	w.null("application")
	w.integer("created", e.Created)
	w.opt("description", e.Description)
	w.strings("enabled_events", e.EnabledEvents)
	w.boolean("livemode", false)
	w.metadata(e.Metadata)
	if e.created {
		w.str("secret", e.Secret)
	}
	status := "enabled"
	if e.Disabled {
		status = "disabled"
	}
	w.str("status", status)
	w.str("url", e.URL)
	w.close()
}

func (c *call) addWebhookEndpoint(in WebhookEndpoint) *webhookEndpoint {
	e := &webhookEndpoint{header: c.newHeader("we_", nil), URL: in.URL, Secret: in.Secret, EnabledEvents: in.EnabledEvents}
	if e.Secret == "" {
		e.Secret = "whsec_" + c.random(32)
	}
	if len(e.EnabledEvents) == 0 {
		e.EnabledEvents = []string{"*"}
	}
	c.sandbox.store.add("webhook_endpoint", e)
	return e
}

// setWebhookEndpoint is addWebhookEndpoint for one that a data file may know already.
func (c *call) setWebhookEndpoint(in WebhookEndpoint) {
	st := c.sandbox.store
	for _, id := range st.indexes[indexKey{kind: "webhook_endpoint"}] {
		if e, ok := lookup[*webhookEndpoint](st, id); ok && c.sandbox.file != nil && e.URL == in.URL {
			update(c, e, func(e *webhookEndpoint) {
				e.Secret = cmp.Or(in.Secret, e.Secret)
				if len(in.EnabledEvents) > 0 {
					e.EnabledEvents = in.EnabledEvents
				}
			})
			return
		}
	}
	c.addWebhookEndpoint(in)
}

// subscribed returns the ids of the endpoints that want an event of this type.
func (c *call) subscribed(eventType string) []string {
	st := c.sandbox.store
	var wanted []string
	for _, id := range st.indexes[indexKey{kind: "webhook_endpoint"}] {
		e, ok := lookup[*webhookEndpoint](st, id)
		if ok && !e.Disabled && (slices.Contains(e.EnabledEvents, "*") || slices.Contains(e.EnabledEvents, eventType)) {
			wanted = append(wanted, id)
		}
	}
	return wanted
}

// maxWebhookEndpoints is Stripe's limit per account.
const maxWebhookEndpoints = 16

var webhookEndpointRoutes = []route{
	{method: "POST", pattern: "/v1/webhook_endpoints", kind: "webhook_endpoint", handle: createWebhookEndpoint, fields: fields{
		"url": required(text), "enabled_events": required(texts), "description": text, "metadata": metadata,
		"api_version": oneOf(APIVersion),
	}.ignoring("connect")},
	{method: "GET", pattern: "/v1/webhook_endpoints", kind: "webhook_endpoint", list: true, fields: listFields, handle: func(c *call) (object, *apiError) {
		return result(page[*webhookEndpoint](c, "webhook endpoint", c.sandbox.store.indexes[indexKey{kind: "webhook_endpoint"}], nil))
	}},
	{method: "GET", pattern: "/v1/webhook_endpoints/{}", kind: "webhook_endpoint", handle: func(c *call) (object, *apiError) {
		return resourceAt[*webhookEndpoint](c, 0, "webhook endpoint", "webhook_endpoint")
	}},
	{method: "POST", pattern: "/v1/webhook_endpoints/{}", kind: "webhook_endpoint", handle: updateWebhookEndpoint, fields: fields{
		"url": text, "enabled_events": texts, "disabled": boolean, "description": text, "metadata": metadata,
	}},
	{method: "DELETE", pattern: "/v1/webhook_endpoints/{}", kind: "webhook_endpoint", handle: deleteWebhookEndpoint},
}

func (c *call) webhookURL() (string, *apiError) {
	address, err := url.Parse(c.params.str("url"))
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return "", invalidCode("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
	}
	return address.String(), nil
}

func createWebhookEndpoint(c *call) (object, *apiError) {
	address, err := c.webhookURL()
	if err != nil {
		return nil, err
	}
	if len(c.sandbox.store.indexes[indexKey{kind: "webhook_endpoint"}]) >= maxWebhookEndpoints {
		return nil, invalidRequest("You have reached the maximum of 16 test webhook endpoints.")
	}
	e := c.addWebhookEndpoint(WebhookEndpoint{URL: address, EnabledEvents: c.params.strings("enabled_events")})
	e = update(c, e, func(e *webhookEndpoint) {
		e.Description = c.params.str("description")
		e.Metadata = c.params.metadata(nil)
	})
	answer := *e
	answer.created = true
	return &answer, nil
}

// updateWebhookEndpoint changes what is sent; a delivery that waits for its next try goes
// to the new address, or nowhere when the endpoint is disabled.
func updateWebhookEndpoint(c *call) (object, *apiError) {
	e, err := resourceAt[*webhookEndpoint](c, 0, "webhook endpoint", "webhook_endpoint")
	if err != nil {
		return nil, err
	}
	address := e.URL
	if c.params.has("url") {
		if address, err = c.webhookURL(); err != nil {
			return nil, err
		}
	}
	return update(c, e, func(e *webhookEndpoint) {
		e.URL = address
		if events := c.params.strings("enabled_events"); events != nil {
			e.EnabledEvents = events
		}
		if c.params.has("disabled") {
			e.Disabled = c.params.boolean("disabled")
		}
		if c.params.sent("description") {
			e.Description = c.params.str("description")
		}
		e.Metadata = c.params.metadata(e.Metadata)
	}), nil
}

func deleteWebhookEndpoint(c *call) (object, *apiError) {
	e, err := resourceAt[*webhookEndpoint](c, 0, "webhook endpoint", "webhook_endpoint")
	if err != nil {
		return nil, err
	}
	c.sandbox.store.remove("webhook_endpoint", e)
	gone := *e
	gone.Deleted = true
	return &gone, nil
}
