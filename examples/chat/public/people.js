/**
 * Who is in the room. The server sends a list now and then, and single arrivals and departures in between;
 * they may overtake each other. Ids of sockets are used once, so whoever left stays away.
 */
export class People {
  #here = new Map()
  #gone = new Set()
  /** Those who joined since the page asked for the list, which may be older than their arrival. */
  #recent = new Map()

  /** To be called when the page connects or asks who is there. */
  asked() {
    this.#recent.clear()
  }

  joined({ id, name }) {
    if (this.#gone.has(id)) return
    this.#here.set(id, name)
    this.#recent.set(id, name)
  }

  left({ id }) {
    this.#gone.add(id)
    this.#here.delete(id)
    this.#recent.delete(id)
  }

  listed(people) {
    const listed = people.filter(({ id }) => !this.#gone.has(id)).map(({ id, name }) => [id, name])
    this.#here = new Map([...listed, ...this.#recent])
  }

  /** Returns the names in order, each with the number of its connections. */
  names() {
    const counts = new Map()
    for (const name of this.#here.values()) counts.set(name, (counts.get(name) ?? 0) + 1)
    return [...counts].sort(([a], [b]) => a.localeCompare(b))
  }
}
