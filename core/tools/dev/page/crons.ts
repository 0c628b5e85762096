/** The view of crons: list them, and run one now. */
import { ask } from './api.ts'
import { button, fill, h, notify, table, time, View } from './dom.ts'

interface Cron {
  name: string
  schedule: string
  next: number | null
}

interface Run {
  scheduledTime: number
  duration: number
  error?: { name: string; message: string; code?: string }
}

export class CronsView extends View {
  async show(): Promise<void> {
    const crons = await ask<Cron[]>('cron.list')
    fill(
      this,
      h('h2', {}, 'Crons'),
      crons.length === 0
        ? h('p', {}, 'This app has no crons.')
        : table('Crons', ['Name', 'Schedule (UTC)', 'Next', 'Now'], crons.map(row)),
      h(
        'p',
        { class: 'quiet' },
        'A run from here calls the handler once, within a request. It is no run of the schedule: nothing ' +
          'repeats it, and it may overlap with a scheduled one.',
      ),
    )
  }
}

function row({ name, schedule, next }: Cron): [string, string, string, Node] {
  const answer = h('span', { role: 'status' })
  const run = button(
    'Run now',
    async () => {
      answer.textContent = 'running'
      answer.className = ''
      try {
        const { duration, error } = await ask<Run>('cron.run', { name })
        answer.className = error === undefined ? 'good' : 'bad'
        answer.textContent =
          error === undefined
            ? `done in ${duration} ms`
            : `failed after ${duration} ms: ${error.name}: ${error.message}`
        notify('')
      } catch (error) {
        answer.textContent = ''
        throw error
      }
    },
    { 'aria-label': `Run now: ${name}` },
  )
  return [name, schedule, next === null ? 'never again' : time(next), h('div', { class: 'row' }, run, answer)]
}
