/** The search field. Its index is loaded when the field first has the focus; everything is done by keys. */
import MiniSearch from 'minisearch'
import { type Hit, INDEX_OPTIONS, search } from './search-options.ts'

const box = document.querySelector<HTMLElement>('.search')
const input = box?.querySelector('input')
const list = box?.querySelector<HTMLElement>('[role=listbox]')
const hint = box?.querySelector<HTMLElement>('.hint')
/** Root of the site, from where this script lies. */
const root = new URL('..', import.meta.url)

if (box && input && list && hint) start(box, input, list, hint)

function start(box: HTMLElement, input: HTMLInputElement, list: HTMLElement, hint: HTMLElement): void {
  let loading: Promise<MiniSearch> | undefined
  let hits: Hit[] = []
  let chosen = -1

  const load = (): Promise<MiniSearch> => {
    loading ??= fetch(new URL('assets/search-index.json', root)).then(async (response) => {
      if (!response.ok) throw new Error(`The server answered ${response.status}.`)
      return MiniSearch.loadJSON(await response.text(), INDEX_OPTIONS)
    })
    return loading
  }

  const choose = (index: number): void => {
    chosen = index
    ;[...list.children].forEach((item, at) => item.setAttribute('aria-selected', String(at === index)))
    const item = list.children[index]
    if (item === undefined) return input.removeAttribute('aria-activedescendant')
    input.setAttribute('aria-activedescendant', item.id)
    item.scrollIntoView({ block: 'nearest' })
  }

  const show = (found: Hit[], message: string): void => {
    hits = found
    list.replaceChildren(...found.map(toItem))
    list.hidden = found.length === 0
    input.setAttribute('aria-expanded', String(found.length > 0))
    hint.textContent = message
    choose(found.length > 0 ? 0 : -1)
  }

  const update = async (): Promise<void> => {
    const query = input.value.trim()
    if (query === '') return show([], '')
    try {
      const index = await load()
      // The text may have changed while the index was loading.
      if (query !== input.value.trim()) return
      const found = search(index, query)
      show(found, found.length === 0 ? `Nothing has "${query}".` : `${found.length} results`)
    } catch (error) {
      loading = undefined
      show([], `The search index could not be loaded. ${String(error)}`)
    }
  }

  input.addEventListener('focus', () => void load().catch(() => (loading = undefined)))
  input.addEventListener('input', () => void update())
  input.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0 && hits.length > 0) choose((chosen + step + hits.length) % hits.length)
    else if (event.key === 'Enter') follow()
    else if (event.key === 'Escape') {
      input.value = ''
      show([], '')
    } else return
    event.preventDefault()
  })
  const follow = (): void => {
    const hit = hits[chosen]
    if (hit !== undefined) location.href = new URL(hit.link, root).href
  }
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select')
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    input.focus()
  })
  document.addEventListener('click', (event) => {
    if (!box.contains(event.target as Node)) show([], '')
  })
  box.hidden = false
}

function toItem({ link, page, heading }: Hit, index: number): HTMLElement {
  // A link, so that it opens in another tab too; the keyboard stays in the field.
  const item = document.createElement('a')
  item.id = `hit-${index}`
  item.role = 'option'
  item.href = new URL(link, root).href
  item.tabIndex = -1
  item.textContent = page
  if (heading !== '') {
    const part = document.createElement('small')
    part.textContent = heading
    item.append(' ', part)
  }
  return item
}
