import type { Kv } from 'unmoor'

export class Repository {
  #store
  all

  constructor(store, all) {
    this.#store = store
    this.all = all
  }

  async save(key: string): Promise<void> {
    await this.#store.put(key, 'x', { ttl: 1 }) // expect: kv-ttl
    await this.jobs.send({}, { delaySeconds: 1000 }) // expect: queue-delay
    await this.rename(this.#store)
  }

  get jobs() {
    return this.all.jobs
  }

  rename = async (store) => {
    await store.update('a', () => 'b') // expect: kv-strong
  }
}

export class Sessions {
  readonly lifetime = 30

  constructor(private readonly store: Kv) {}

  touch(): Promise<void> {
    return this.store.put('session', 'x', { ttl: 30 }) // expect: kv-ttl
  }
}

class Base {
  constructor(protected e) {}
}

export class Counts extends Base {
  add(): Promise<unknown> {
    return this.e.links.putIf('n', '1', { absent: true }) // expect: kv-strong
  }
}

export class Named extends Base {
  readonly name: string

  constructor(name: string, all) {
    super(all)
    this.name = name
  }

  list(): Promise<unknown> {
    return this.e.links.list({ prefix: this.name, limit: 1001 }) // expect: kv-list
  }
}

/** An own class that has the name of one of unmoor's. */
class Queue {
  send(_body: object, _options: { delaySeconds: number }): void {}
}
export const own = (queue: Queue): void => queue.send({}, { delaySeconds: 5000 })
