// @ts-check
'use strict';

/**
 * A stand-in for Stripe.js (release train "basil") for pages that run against the sandbox. It has what a page with
 * Elements and Checkout Sessions uses, and the functions for 3D Secure on an intent of one's own; its types are those of
 * the npm package. Instead of card fields the Payment Element has a list of test payment methods (#sandbox-card), and
 * the bank's page for 3D Secure is a dialog (#sandbox-challenge). Both live in shadow roots, as Stripe's live in frames.
 * https://docs.stripe.com/js
 *
 * @typedef {import('@stripe/stripe-js').Stripe} StripeJS
 * @typedef {import('@stripe/stripe-js').StripeCheckout} StripeCheckout
 * @typedef {import('@stripe/stripe-js').StripeCheckoutSession} Session
 * @typedef {import('@stripe/stripe-js').StripeError} StripeError
 * @typedef {import('@stripe/stripe-js').StripePaymentElement} StripePaymentElement
 * @typedef {import('@stripe/stripe-js').StripePaymentElementChangeEvent} ChangeEvent
 * @typedef {Awaited<ReturnType<StripeCheckout['confirm']>>} ConfirmResult
 * @typedef {Awaited<ReturnType<StripeCheckout['updateEmail']>>} EmailResult
 *
 * @typedef {'session' | 'on' | 'confirm' | 'updateEmail' | 'createPaymentElement' | 'getPaymentElement'} CheckoutNames
 * @typedef {'confirmCardSetup' | 'retrieveSetupIntent' | 'confirmCardPayment' | 'retrievePaymentIntent'} StripeNames
 * @typedef {Pick<StripeCheckout, CheckoutNames>} CheckoutStandIn
 * @typedef {Pick<StripeJS, StripeNames> & {
 *   initCheckout: (...args: Parameters<StripeJS['initCheckout']>) => Promise<CheckoutStandIn>,
 * }} StripeStandIn
 *
 * @typedef {{name: string, methods: {value: string, label: string, number: string}[]}} MethodGroup
 * @typedef {{
 *   id: string, mode: 'setup' | 'payment', status: 'open' | 'complete' | 'expired',
 *   payment_status: 'paid' | 'unpaid' | 'no_payment_required', currency: string, divisor: number, amount_total: number,
 *   email: string | null, return_url: string | null, last_error: string | null, methods: MethodGroup[],
 *   line_items: {id: string, name: string, quantity: number, unit_amount: number}[],
 * }} PageSession what the sandbox tells of a session
 * @typedef {'pass' | 'fail'} ChallengeEnd
 */

(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement)) throw new Error('stripe.js must be loaded by a script element');
  const base = new URL(script.src).origin;

  const css = new CSSStyleSheet();
  css.replaceSync(`
    :host { color-scheme: inherit; }
    * { box-sizing: border-box; font: inherit; }
    label { display: block; margin-bottom: .25rem; font-weight: 600; }
    select, button { min-height: 2.75rem; padding: .5rem .75rem; border: 1px solid GrayText; border-radius: .375rem; color: FieldText; background: Field; }
    select { width: 100%; text-overflow: ellipsis; }
    dialog { max-width: min(24rem, calc(100vw - 2rem)); padding: 1.25rem; border: 1px solid GrayText; border-radius: .75rem; color: CanvasText; background: Canvas;
      font: 1rem/1.5 system-ui, sans-serif; }
    dialog::backdrop { background: rgb(0 0 0 / .5); }
    h2 { margin: 0 0 .5rem; font-size: 1.25rem; font-weight: 700; }
    p { margin: 0 0 1rem; }
    .buttons { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0; }
    button { flex: 1; cursor: pointer; }
    :focus-visible { outline: 3px solid #d97706; outline-offset: 2px; }
  `);

  /**
   * What Stripe.js throws at a page that calls it the wrong way.
   *
   * @param {string} message
   */
  function integrationError(message) {
    const error = new Error(message);
    error.name = 'IntegrationError';
    return error;
  }

  /**
   * @template T
   * @param {string} path
   * @param {object} body
   * @returns {Promise<{value: T, error?: undefined} | {error: StripeError, value?: undefined}>}
   */
  async function post(path, body) {
    try {
      const response = await fetch(`${base}/_sandbox/elements/${path}`, {
        method: 'POST',
        headers: {'Content-Type': 'application/json'},
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      return response.status === 200 ? {value: answer} : {error: answer.error};
    } catch {
      return {error: {type: 'api_connection_error', message: 'An unexpected error occurred. Please check your connection and try again.'}};
    }
  }

  /**
   * Posts, and once more with the end of the challenge if the bank asks for 3D Secure.
   *
   * @template T
   * @param {string} path
   * @param {object} who the key and the client secret
   * @param {object} what
   * @returns {ReturnType<typeof post<T>>}
   */
  async function confirmed(path, who, what) {
    const first = await post(path, {...who, ...what, authenticate: 'abandon'});
    if (first.error?.code !== 'authentication_pending') return /** @type {{value: T} | {error: StripeError}} */ (first);
    return post(path, {...who, authenticate: await challenge()});
  }

  /**
   * @param {HTMLElement} host
   * @param {...Node} content
   */
  function isolate(host, ...content) {
    const root = host.attachShadow({mode: 'open', delegatesFocus: true});
    root.adoptedStyleSheets = [css];
    root.append(...content);
  }

  /**
   * @template {keyof HTMLElementTagNameMap} K
   * @param {K} tag
   * @param {Partial<HTMLElementTagNameMap[K]>} properties
   * @param {...(Node | string)} content
   */
  function make(tag, properties, ...content) {
    const element = document.createElement(tag);
    Object.assign(element, properties);
    element.append(...content);
    return element;
  }

  /**
   * The bank's page, as a dialog. Closing it is a failed authentication, as with Stripe:
   * https://github.com/stripe/stripe-js/issues/275
   *
   * @returns {Promise<ChallengeEnd>}
   */
  function challenge() {
    return new Promise((resolve) => {
      const title = make('h2', {id: 'sandbox-challenge-title'}, '3D Secure');
      const buttons = make('p', {className: 'buttons'});
      const dialog = make('dialog', {id: 'sandbox-challenge'}, title, make('p', {}, 'Test page of the bank: how does the authentication end?'), buttons);
      dialog.setAttribute('aria-labelledby', title.id);
      const host = make('div', {id: 'sandbox-challenge-host'});
      /** @type {ChallengeEnd} */
      let end = 'fail';
      for (const [name, text] of [['pass', 'Pass'], ['fail', 'Fail'], ['cancel', 'Cancel']]) {
        const button = make('button', {type: 'button', id: `sandbox-challenge-${name}`}, text ?? '');
        button.addEventListener('click', () => {
          if (name === 'pass') end = 'pass';
          dialog.close();
        });
        buttons.append(button);
      }
      dialog.addEventListener('close', () => {
        host.remove();
        resolve(end);
      });
      isolate(host, dialog);
      document.body.append(host);
      dialog.showModal();
    });
  }

  /**
   * @param {PageSession} from
   * @returns {Session}
   */
  function sessionOf(from) {
    const {currency, divisor} = from;
    const format = new Intl.NumberFormat(undefined, {style: 'currency', currency, minimumFractionDigits: Math.log10(divisor)});
    /** @param {number} minor */
    const amount = (minor) => ({minorUnitsAmount: minor, amount: format.format(minor / divisor)});
    const none = amount(0);
    return {
      billingAddress: null, businessName: 'Sandbox', canConfirm: from.status === 'open', currency, currencyOptions: null,
      discountAmounts: null, email: from.email, id: from.id, lastPaymentError: from.last_error === null ? null : {message: from.last_error},
      livemode: false, minorUnitsAmountDivisor: divisor, phoneNumber: null, recurring: null, savedPaymentMethods: null, shipping: null,
      shippingAddress: null, shippingOptions: [], tax: {status: 'ready'}, taxAmounts: null, taxIdInfo: null,
      lineItems: from.line_items.map((item) => ({
        id: item.id, name: item.name, quantity: item.quantity, unitAmount: amount(item.unit_amount),
        subtotal: amount(item.unit_amount * item.quantity), total: amount(item.unit_amount * item.quantity),
        discount: none, taxExclusive: none, taxInclusive: none, description: null, discountAmounts: null, taxAmounts: null,
        recurring: null, adjustableQuantity: null, images: [],
      })),
      status: from.status === 'complete' ? {type: 'complete', paymentStatus: from.payment_status} : {type: from.status},
      total: {
        appliedBalance: none, balanceAppliedToNextInvoice: false, discount: none, shippingRate: none,
        subtotal: amount(from.amount_total), taxExclusive: none, taxInclusive: none, total: amount(from.amount_total),
      },
    };
  }

  /**
   * A list of test payment methods in place of card fields.
   *
   * @implements {StripePaymentElement}
   */
  class PaymentElement {
    /**
     * @param {MethodGroup[]} groups
     * @param {() => void} forget is told when the element is destroyed
     */
    constructor(groups, forget) {
      this.forget = forget;
      /** @type {Map<string, Set<(event: any) => unknown>>} */
      this.handlers = new Map();
      this.list = make('select', {id: 'sandbox-card'}, ...groups.map(({name, methods}) =>
        make('optgroup', {label: name}, ...methods.map(({value, label, number}) => new Option(`${label} · ${number}`, value)))));
      this.host = make('div', {});
      isolate(this.host, make('label', {htmlFor: this.list.id}, 'Test payment method'), this.list);
      this.list.addEventListener('change', () => this.changed());
      this.list.addEventListener('focus', () => this.tell('focus'));
      this.list.addEventListener('blur', () => this.tell('blur'));
      this.list.addEventListener('keydown', (event) => {
        if (event.key === 'Escape') this.tell('escape');
      });
    }

    get value() {
      return this.list.value;
    }

    changed() {
      const type = this.value.startsWith('pm_sepaDebit_') ? 'sepa_debit' : this.value.startsWith('pm_usBankAccount_') ? 'us_bank_account' : 'card';
      /** @type {ChangeEvent} */
      const event = {elementType: 'payment', complete: true, empty: false, collapsed: false, value: {type}};
      this.emit('change', event);
    }

    /** @param {'ready' | 'focus' | 'blur' | 'escape'} name */
    tell(name) {
      this.emit(name, {elementType: 'payment'});
    }

    /**
     * @param {string} name
     * @param {object} event
     */
    emit(name, event) {
      for (const handler of this.handlers.get(name) ?? []) handler(event);
    }

    /** @param {string | HTMLElement} target */
    mount(target) {
      const parent = typeof target === 'string' ? document.querySelector(target) : target;
      if (!parent) throw integrationError(`The selector you specified (${target}) applies to no DOM elements that are currently on the page.`);
      parent.replaceChildren(this.host);
      setTimeout(() => {
        this.tell('ready');
        this.changed();
      });
    }

    unmount() {
      this.host.remove();
    }

    destroy() {
      this.unmount();
      this.handlers.clear();
      this.forget();
    }

    focus() {
      this.list.focus();
    }

    blur() {
      this.list.blur();
    }

    clear() {
      this.list.selectedIndex = 0;
      this.changed();
    }

    /**
     * Its options are about fields and looks that a list does not have.
     *
     * @returns {this}
     */
    update() {
      return this;
    }

    /**
     * A list is as small as it gets.
     *
     * @returns {this}
     */
    collapse() {
      return this;
    }

    /**
     * @param {string} name
     * @param {(event: any) => unknown} handler
     * @returns {this}
     */
    on(name, handler) {
      this.handlers.set(name, (this.handlers.get(name) ?? new Set()).add(handler));
      return this;
    }

    /**
     * @param {string} name
     * @param {(event: any) => unknown} handler
     * @returns {this}
     */
    once(name, handler) {
      /** @param {unknown} event */
      const first = (event) => {
        this.off(name, first);
        handler(event);
      };
      return this.on(name, first);
    }

    /**
     * @param {string} name
     * @param {(event: any) => unknown} [handler] all when left out
     * @returns {this}
     */
    off(name, handler) {
      if (handler) this.handlers.get(name)?.delete(handler);
      else this.handlers.delete(name);
      return this;
    }
  }

  /**
   * @param {{key: string, client_secret: string}} who
   * @param {PageSession} now
   * @returns {CheckoutStandIn}
   */
  function checkoutOf(who, now) {
    /** @type {Set<(session: Session) => void>} */
    const handlers = new Set();
    /** @type {PaymentElement | null} */
    let element = null;

    /** @param {PageSession} next */
    function changed(next) {
      now = next;
      for (const handler of handlers) handler(sessionOf(now));
    }

    return {
      session: () => sessionOf(now),

      on(_event, handler) {
        handlers.add(handler);
      },

      createPaymentElement() {
        if (element) throw integrationError('A Payment Element exists already.');
        element = new PaymentElement(now.methods, () => (element = null));
        return element;
      },

      getPaymentElement: () => element,

      async updateEmail(email) {
        if (email.trim() === '') return {type: 'error', error: {code: 'incompleteEmail', message: 'Your email is incomplete.'}};
        if (!/^[^\s@]+@[^\s@]+$/.test(email)) return {type: 'error', error: {code: 'invalidEmail', message: 'Your email is invalid.'}};
        const {value, error} = await post('email', {...who, email});
        if (error) throw new Error(error.message);
        changed(/** @type {PageSession} */ (value));
        return {type: 'success', session: sessionOf(now)};
      },

      async confirm(options = {}) {
        if (!element && !options.paymentMethod) throw integrationError('createPaymentElement must be called before confirm.');
        const stays = options.redirect === 'if_required';
        const back = options.returnUrl ?? now.return_url;
        if (!back && !stays) return {type: 'error', error: {code: null, message: 'A returnUrl is needed: neither confirm nor the Checkout Session has one.'}};
        const answer = await confirmed('confirm', who, {payment_method: options.paymentMethod ?? element?.value, email: options.email ?? ''});
        if (answer.error) {
          const after = await post('session', who);
          if (after.value) changed(/** @type {PageSession} */ (after.value));
          return {type: 'error', error: confirmErrorOf(answer.error)};
        }
        changed(/** @type {PageSession} */ (answer.value));
        if (!stays && back) {
          location.assign(back.replaceAll('{CHECKOUT_SESSION_ID}', now.id));
          return new Promise(() => {}); // the page is left before it would resolve
        }
        return {type: 'success', session: sessionOf(now)};
      },
    };
  }

  /**
   * @param {StripeError} error
   * @returns {Extract<ConfirmResult, {type: 'error'}>['error']}
   */
  function confirmErrorOf({type, message = '', decline_code}) {
    if (type !== 'card_error') return {code: null, message};
    return {code: 'paymentFailed', message, paymentFailed: {declineCode: decline_code ?? null}};
  }

  /**
   * @param {string} key
   * @returns {StripeStandIn}
   */
  function Stripe(key) {
    if (typeof key !== 'string' || key === '') throw integrationError('Missing value for Stripe(): apiKey should be a string.');
    if (!key.startsWith('pk_')) throw integrationError('You should not use your secret key with Stripe.js. Please pass a publishable key instead.');

    /**
     * @param {'setup' | 'payment'} kind
     * @param {string} secret
     * @param {{payment_method?: string | object} | undefined} data
     * @param {{handleActions?: boolean} | undefined} options
     */
    async function confirmIntent(kind, secret, data, options) {
      const who = {key, client_secret: secret};
      if (typeof data?.payment_method === 'object') throw integrationError("The sandbox's stand-in for Stripe.js has no card fields: payment_method must be an id.");
      const what = data?.payment_method ? {payment_method: data.payment_method} : {};
      if (options?.handleActions !== false) return confirmed(`confirm_${kind}`, who, what);
      const answer = await post(`confirm_${kind}`, {...who, ...what, authenticate: 'abandon'});
      return answer.error?.code === 'authentication_pending' ? post(`${kind}_intent`, who) : answer;
    }

    return {
      async initCheckout(options) {
        const who = {key, client_secret: await options.fetchClientSecret()};
        const {value, error} = await post('session', who);
        if (error) throw integrationError(error.message ?? '');
        return checkoutOf(who, /** @type {PageSession} */ (value));
      },

      async confirmCardSetup(secret, data, options) {
        const {value, error} = await confirmIntent('setup', secret, data, options);
        return error ? {error} : {setupIntent: value};
      },

      async retrieveSetupIntent(secret) {
        const {value, error} = await post('setup_intent', {key, client_secret: secret});
        return error ? {error} : {setupIntent: value};
      },

      async confirmCardPayment(secret, data, options) {
        const {value, error} = await confirmIntent('payment', secret, data, options);
        return error ? {error} : {paymentIntent: value};
      },

      async retrievePaymentIntent(secret) {
        const {value, error} = await post('payment_intent', {key, client_secret: secret});
        return error ? {error} : {paymentIntent: value};
      },
    };
  }

  // The page sees the name that Stripe.js has, with the types of its npm package; what the stand-in lacks is not there.
  window.Stripe = /** @type {import('@stripe/stripe-js').StripeConstructor} */ (/** @type {unknown} */ (Stripe));
})();
