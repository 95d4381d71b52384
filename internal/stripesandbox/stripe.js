// @ts-check
'use strict';

/**
 * A stand-in for Stripe.js (release train "basil") for pages that run against the sandbox. It offers what a page with
 * Elements and Checkout Sessions uses: initCheckout with the Payment Element, and confirmCardSetup. Instead of card
 * fields the Payment Element has two lists: the test cards (#sandbox-card) and how 3D Secure ends (#sandbox-authenticate).
 * https://docs.stripe.com/js/custom_checkout
 *
 * @typedef {import('@stripe/stripe-js').StripeCheckoutSession} Session
 * @typedef {import('@stripe/stripe-js').StripeCheckoutOptions} CheckoutOptions
 * @typedef {import('@stripe/stripe-js').StripeCheckoutConfirmResult} ConfirmResult
 * @typedef {import('@stripe/stripe-js').StripeCheckoutUpdateEmailResult} EmailResult
 * @typedef {NonNullable<Parameters<import('@stripe/stripe-js').StripeCheckout['confirm']>[0]>} ConfirmOptions
 * @typedef {{number: string, label: string}} TestCard
 * @typedef {{
 *   id: string, mode: 'setup' | 'payment', status: 'open' | 'complete' | 'expired',
 *   payment_status: 'paid' | 'unpaid' | 'no_payment_required', currency: string | null, amount_total: number,
 *   email: string | null, return_url: string | null, test_cards: TestCard[],
 *   line_items: {id: string, name: string, quantity: number, unit_amount: number}[],
 * }} PageSession what the sandbox tells of a session
 * @typedef {{message: string, code?: string, decline_code?: string}} ApiError
 */

(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement)) throw new Error('stripe.js must be loaded by a script element');
  const base = new URL(script.src).origin;

  const zeroDecimal = ['bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'];
  const threeDecimal = ['bhd', 'jod', 'kwd', 'omr', 'tnd'];

  /**
   * @template T
   * @param {string} path
   * @param {object} body
   * @returns {Promise<{value: T, error?: undefined} | {error: ApiError, value?: undefined}>}
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
      return {error: {message: 'An unexpected error occurred. Please check your connection and try again.'}};
    }
  }

  /**
   * @param {PageSession} from
   * @returns {Session}
   */
  function sessionOf(from) {
    const currency = from.currency ?? 'usd';
    const divisor = zeroDecimal.includes(currency) ? 1 : threeDecimal.includes(currency) ? 1000 : 100;
    const format = new Intl.NumberFormat(undefined, {style: 'currency', currency, minimumFractionDigits: Math.log10(divisor)});
    /** @param {number} minor */
    const amount = (minor) => ({minorUnitsAmount: minor, amount: format.format(minor / divisor)});
    const none = amount(0);
    return {
      billingAddress: null, businessName: 'Sandbox', canConfirm: from.status === 'open', currency, currencyOptions: null,
      discountAmounts: null, email: from.email, id: from.id, lastPaymentError: null, livemode: false,
      minorUnitsAmountDivisor: divisor, phoneNumber: null, recurring: null, savedPaymentMethods: null, shipping: null,
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

  /** The two lists that take the place of card fields. */
  class PaymentElement {
    /** @param {TestCard[]} cards */
    constructor(cards) {
      /** @type {Map<string, Set<(event: object) => unknown>>} */
      this.handlers = new Map();
      this.card = list('sandbox-card', cards.map(({number, label}) => [number, `${number} · ${label}`]));
      this.authenticate = list('sandbox-authenticate', [['pass', '3D Secure: pass'], ['fail', '3D Secure: fail'], ['abandon', '3D Secure: leave open']]);
      this.root = document.createElement('div');
      this.root.append(labelled('Test card', this.card), labelled('If the card asks for 3D Secure', this.authenticate));
      this.card.addEventListener('change', () => this.emit('change', {complete: true, empty: false, collapsed: false, value: {type: 'card'}}));
    }

    /** @param {string | HTMLElement} target */
    mount(target) {
      const parent = typeof target === 'string' ? document.querySelector(target) : target;
      if (!parent) throw new Error(`The selector you specified (${target}) applies to no DOM elements that are currently on the page.`);
      parent.replaceChildren(this.root);
      setTimeout(() => {
        this.emit('ready', {});
        this.emit('change', {complete: true, empty: false, collapsed: false, value: {type: 'card'}});
      });
    }

    unmount() {
      this.root.remove();
    }

    destroy() {
      this.unmount();
      this.emit('destroyed', {});
      this.handlers.clear();
    }

    focus() {
      this.card.focus();
    }

    blur() {
      this.card.blur();
    }

    /**
     * @param {string} name
     * @param {(event: object) => unknown} handler
     */
    on(name, handler) {
      this.handlers.set(name, (this.handlers.get(name) ?? new Set()).add(handler));
      return this;
    }

    /**
     * @param {string} name
     * @param {(event: object) => unknown} [handler] all when left out
     */
    off(name, handler) {
      if (handler) this.handlers.get(name)?.delete(handler);
      else this.handlers.delete(name);
      return this;
    }

    /**
     * @param {string} name
     * @param {object} event
     */
    emit(name, event) {
      for (const handler of this.handlers.get(name) ?? []) handler({elementType: 'payment', ...event});
    }
  }

  /**
   * @param {string} id
   * @param {string[][]} options value and text of each
   */
  function list(id, options) {
    const select = document.createElement('select');
    select.id = id;
    select.name = id;
    select.append(...options.map(([value, text]) => new Option(text, value)));
    return select;
  }

  /**
   * @param {string} text
   * @param {HTMLElement} control
   */
  function labelled(text, control) {
    const label = document.createElement('label');
    label.htmlFor = control.id;
    label.textContent = text;
    const row = document.createElement('p');
    row.append(label, ' ', control);
    return row;
  }

  class Checkout {
    /**
     * @param {{key: string, client_secret: string}} credentials
     * @param {PageSession} first
     */
    constructor(credentials, first) {
      this.credentials = credentials;
      this.raw = first;
      /** @type {Set<(session: Session) => void>} */
      this.handlers = new Set();
      /** @type {PaymentElement | null} */
      this.element = null;
      /** @type {string | null} */
      this.email = null;
    }

    session() {
      return sessionOf({...this.raw, email: this.email ?? this.raw.email});
    }

    /**
     * @param {'change'} _event
     * @param {(session: Session) => void} handler
     */
    on(_event, handler) {
      this.handlers.add(handler);
    }

    /** @param {PageSession} now */
    changed(now) {
      this.raw = now;
      for (const handler of this.handlers) handler(this.session());
    }

    createPaymentElement() {
      if (this.element) throw new Error('A Payment Element exists already.');
      this.element = new PaymentElement(this.raw.test_cards);
      this.element.on('destroyed', () => (this.element = null));
      return this.element;
    }

    getPaymentElement() {
      return this.element;
    }

    /**
     * @param {string} email
     * @returns {Promise<EmailResult>}
     */
    async updateEmail(email) {
      if (!/^[^\s@]+@[^\s@]+$/.test(email)) return {type: 'error', error: {code: 'invalidEmail', message: 'Your email is invalid.'}};
      this.email = email;
      this.changed(this.raw);
      return {type: 'success', session: this.session()};
    }

    /**
     * @param {ConfirmOptions} [options]
     * @returns {Promise<ConfirmResult>}
     */
    async confirm(options = {}) {
      if (!this.element && !options.paymentMethod) throw new Error('createPaymentElement must be called before confirm.');
      const returnUrl = options.returnUrl ?? this.raw.return_url;
      if (!returnUrl) return {type: 'error', error: {code: null, message: 'A return URL is needed.'}};
      const {value, error} = await post('confirm', {
        ...this.credentials,
        ...(options.paymentMethod ? {payment_method: options.paymentMethod} : {number: this.element?.card.value}),
        email: options.email ?? this.email ?? '',
        authenticate: this.element?.authenticate.value ?? 'pass',
      });
      if (error) return this.failed(error);
      this.changed(/** @type {PageSession} */ (value));
      if (options.redirect !== 'if_required') location.assign(returnUrl.replace('{CHECKOUT_SESSION_ID}', this.raw.id));
      return {type: 'success', session: this.session()};
    }

    /**
     * @param {ApiError} error
     * @returns {Promise<ConfirmResult>}
     */
    async failed(error) {
      const now = await post('session', this.credentials);
      if (now.value) this.changed(/** @type {PageSession} */ (now.value));
      if (!error.decline_code && error.code !== 'card_declined') return {type: 'error', error: {code: null, message: error.message}};
      return {type: 'error', error: {code: 'paymentFailed', message: error.message, paymentFailed: {declineCode: error.decline_code ?? null}}};
    }
  }

  /**
   * The bank's page, as a dialog with two buttons.
   *
   * @returns {Promise<'pass' | 'fail'>}
   */
  function challenge() {
    return new Promise((resolve) => {
      const dialog = document.createElement('dialog');
      dialog.id = 'sandbox-challenge';
      const text = document.createElement('p');
      text.textContent = '3D Secure test page: how does it end?';
      dialog.append(text);
      for (const end of /** @type {const} */ (['pass', 'fail'])) {
        const button = document.createElement('button');
        button.type = 'button';
        button.id = `sandbox-challenge-${end}`;
        button.textContent = end;
        button.addEventListener('click', () => {
          dialog.remove();
          resolve(end);
        });
        dialog.append(button);
      }
      document.body.append(dialog);
      dialog.addEventListener('cancel', () => {
        dialog.remove();
        resolve('fail');
      });
      dialog.showModal();
    });
  }

  /** @param {string} key */
  function Stripe(key) {
    return {
      /** @param {CheckoutOptions} options */
      async initCheckout(options) {
        const credentials = {key, client_secret: await options.fetchClientSecret()};
        const {value, error} = await post('session', credentials);
        if (error) throw new Error(error.message);
        return new Checkout(credentials, /** @type {PageSession} */ (value));
      },

      /**
       * @param {string} clientSecret
       * @param {{payment_method?: string | object}} [data]
       */
      async confirmCardSetup(clientSecret, data = {}) {
        const body = {key, client_secret: clientSecret, authenticate: 'abandon'};
        const method = typeof data.payment_method === 'string' ? {payment_method: data.payment_method} : {};
        let {value, error} = await post('confirm_setup', {...body, ...method});
        if (error?.code === 'authentication_pending') {
          ({value, error} = await post('confirm_setup', {...body, authenticate: await challenge()}));
        }
        return error ? {error} : {setupIntent: value};
      },
    };
  }

  // The page sees the names that Stripe.js has, with the types of its npm package.
  window.Stripe = /** @type {import('@stripe/stripe-js').StripeConstructor} */ (/** @type {unknown} */ (Stripe));
})();
