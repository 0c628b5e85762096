/** Makes elements without HTML text, so that what an app has stored is never markup. */
import { PageError } from './api.ts'

/** A child of {@link h}; absent ones are left out. */
export type Child = Node | string | number | null | undefined | false

type Props = Readonly<Record<string, string | number | boolean | undefined | ((event: never) => unknown)>>

/** Creates an element: functions become listeners (`onclick`), other values attributes. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener)
    else if (name === 'value' && 'value' in element) element.value = String(value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value))
  }
  append(element, children)
  return element
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      element.append(typeof child === 'number' ? String(child) : child)
}

/** Puts children in place of those that an element has. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren()
  append(element, children)
}

/** Tells the user, and a screen reader, what happened. */
export function notify(text: string, kind: 'good' | 'bad' | '' = ''): void {
  const notice = document.getElementById('notice')
  if (notice === null) return
  notice.className = kind
  notice.textContent = text
}

/** Runs what a user asked for; an error of it is told and not thrown. */
export async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    notify(error instanceof PageError ? `${error.code}: ${error.message}` : String(error), 'bad')
  }
}

/** Creates a button that is disabled while its work runs, and keeps the focus. */
export function button(label: string, work: () => Promise<unknown>, props: Props = {}): HTMLButtonElement {
  const element = h(
    'button',
    {
      type: 'button',
      ...props,
      onclick: async () => {
        if (element.getAttribute('aria-disabled') === 'true') return
        element.setAttribute('aria-disabled', 'true')
        await attempt(work)
        element.removeAttribute('aria-disabled')
      },
    },
    label,
  )
  return element
}

/** Creates a form whose `work` runs when it is sent. */
export function form(
  work: () => Promise<unknown>,
  props: Props,
  ...children: readonly Child[]
): HTMLFormElement {
  return h(
    'form',
    {
      ...props,
      onsubmit: (event: Event) => {
        event.preventDefault()
        void attempt(work)
      },
    },
    ...children,
  )
}

/** Creates a field with its label. */
export function field(label: string, control: HTMLElement, props: Props = {}): HTMLLabelElement {
  return h('label', props, `${label} `, control)
}

/** Creates a table that scrolls within its place, and by keyboard. */
export function table(
  label: string,
  head: readonly string[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...head.map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, ...rows.map((cells) => h('tr', {}, ...cells.map((cell) => h('td', {}, cell))))),
    ),
  )
}

/** Formats bytes for people. */
export function size(bytes: number): string {
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 ** 2
      ? `${(bytes / 1024).toFixed(1)} KB`
      : `${(bytes / 1024 ** 2).toFixed(1)} MB`
}

/** Formats milliseconds since 1970, or an ISO time. */
export function time(at: number | string): string {
  return new Date(at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
}

/** A part of the page; `show` fills it when it comes into the document. */
export abstract class View extends HTMLElement {
  connectedCallback(): void {
    void attempt(() => this.show())
  }

  abstract show(): Promise<void>

  /** Parts of the address after the view's own name, such as `['links']` of `#/data/links`. */
  get path(): string[] {
    return location.hash.split('/').slice(2).map(decodeURIComponent)
  }
}
