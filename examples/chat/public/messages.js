/** The list of messages. Texts of people are only ever set as text, never as HTML. */
export class Messages {
  #list
  #own
  #items = new Map()

  /** `list` is the element, `own` the name of the person who looks at it. */
  constructor(list, own) {
    this.#list = list
    this.#own = own
    list.replaceChildren()
  }

  /** The oldest message from the server; undefined if there is none. */
  get first() {
    for (const item of this.#list.children) if (!item.pending) return item.message
    return undefined
  }

  /** Messages that were sent and have not come back. */
  get pending() {
    return [...this.#list.children].filter(({ pending }) => pending).map(({ message }) => message)
  }

  /** Shows a message that is on its way. */
  addPending(message) {
    this.#put({ ...message, sentAt: Date.now() }, true)
    this.#list.scrollTop = this.#list.scrollHeight
  }

  /** Shows messages from the server in the order of their times; those that are shown already stay. */
  add(messages) {
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40
    const before = this.#list.scrollHeight
    const [top] = this.#list.children
    for (const message of messages) this.#put(message, false)
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight
    else if (top !== this.#list.children[0]) this.#list.scrollTop += this.#list.scrollHeight - before
  }

  /**
   * Shows the last messages of the room after the page has connected again. If some were missed in between,
   * the older ones go, as they are a click away.
   */
  catchUp(messages) {
    const isJoined = messages.some(({ id }) => this.#items.get(id)?.pending === false)
    if (!isJoined) for (const item of [...this.#items.values()]) if (!item.pending) this.remove(item.message)
    this.add(messages)
    return isJoined
  }

  remove({ id }) {
    this.#items.get(id)?.remove()
    this.#items.delete(id)
  }

  #put(message, pending) {
    const known = this.#items.get(message.id)
    if (known !== undefined && !known.pending) return
    known?.remove()
    const item = this.#draw(message, pending)
    this.#items.set(message.id, item)
    let next = null
    for (let other = this.#list.lastElementChild; other !== null; other = other.previousElementSibling) {
      if (!comesAfter(other, item)) break
      next = other
    }
    this.#list.insertBefore(item, next)
  }

  #draw(message, pending) {
    const item = document.createElement('li')
    Object.assign(item, { message, pending })
    item.classList.toggle('pending', pending)
    item.classList.toggle('own', message.name === this.#own)
    const name = document.createElement('b')
    name.textContent = message.name
    const time = document.createElement('time')
    const date = new Date(message.sentAt)
    time.dateTime = date.toISOString()
    time.textContent = pending ? 'sending …' : date.toLocaleString()
    const text = document.createElement('p')
    text.textContent = message.text
    item.append(name, ' ', time, text)
    return item
  }
}

/** What is on its way comes after all else; equal times are ordered by the id, as the server orders them. */
function comesAfter(one, other) {
  if (one.pending !== other.pending) return one.pending
  const difference = one.message.sentAt - other.message.sentAt
  return difference === 0 ? one.message.id > other.message.id : difference > 0
}
