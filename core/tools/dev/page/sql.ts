/** The panel of an sql database: a box for one statement, and its rows. */
import { ask } from './api.ts'
import { attempt, button, field, fill, form, h, table, View } from './dom.ts'

interface Answer {
  columns: string[]
  rows: (string | number | boolean | null)[][]
  count: number
  rowsWritten?: number
}

const TABLES: Readonly<Record<string, string>> = {
  sqlite: "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name",
  postgres:
    'SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = current_schema() ' +
    'ORDER BY table_name',
}

export class SqlPanel extends View {
  #binding: string
  #dialect: string
  #text = h('textarea', {
    name: 'text',
    rows: 5,
    spellcheck: 'false',
    required: true,
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void attempt(() => this.#run())
    },
  })
  #answer = h('div', { role: 'status' })

  constructor(binding: string, dialect: string | null) {
    super()
    this.#binding = binding
    this.#dialect = dialect ?? 'sqlite'
  }

  async show(): Promise<void> {
    fill(
      this,
      form(
        () => this.#run(),
        { 'aria-label': 'Query' },
        field(`One statement of ${this.#dialect}; it may write`, this.#text),
        h(
          'div',
          { class: 'row' },
          h('button', {}, 'Run'),
          button('Tables', async () => {
            this.#text.value = TABLES[this.#dialect] ?? ''
            await this.#run()
          }),
          h('span', { class: 'quiet' }, 'Ctrl-Enter runs it too.'),
        ),
      ),
      this.#answer,
    )
  }

  async #run(): Promise<void> {
    try {
      const { columns, rows, count } = await ask<Answer>('sql.query', {
        binding: this.#binding,
        text: this.#text.value,
      })
      const shown = rows.map((row) => row.map((cell) => (cell === null ? h('i', {}, 'NULL') : String(cell))))
      fill(
        this.#answer,
        h(
          'p',
          {},
          `${count} ${count === 1 ? 'row' : 'rows'}` +
            (count > rows.length ? `, of which the first ${rows.length} are here` : ''),
        ),
        columns.length > 0 && table('Rows', columns, shown),
      )
    } catch (error) {
      fill(this.#answer, h('pre', { class: 'bad' }, error instanceof Error ? error.message : String(error)))
    }
  }
}
