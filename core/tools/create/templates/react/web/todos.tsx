import { hc } from 'hono/client'
import { useEffect, useState } from 'react'
import type { Api, Todo } from '../src/app'

/** Calls the app's routes with their types. */
const client = hc<Api>('/')

export function Todos() {
  const [todos, setTodos] = useState<Todo[]>([])
  const [problem, setProblem] = useState('')

  const load = async (): Promise<void> => {
    const response = await client.api.todos.$get()
    setTodos(await response.json())
  }
  const attempt = (work: () => Promise<void>): void => {
    work().then(
      () => setProblem(''),
      (error: unknown) => setProblem(String(error)),
    )
  }
  useEffect(() => attempt(load), [])

  const add = (form: FormData): void =>
    attempt(async () => {
      const title = form.get('title')
      if (typeof title !== 'string') return
      const response = await client.api.todos.$post({ json: { title } })
      if (!response.ok) throw new Error(`The server answered ${response.status}.`)
      await load()
    })
  const finish = (id: string): void =>
    attempt(async () => {
      await client.api.todos[':id'].done.$post({ param: { id } })
      await load()
    })

  return (
    <main>
      <h1>my-app</h1>
      <form action={add}>
        <input name="title" required maxLength={200} aria-label="New task" />
        <button>Add</button>
      </form>
      <ul>
        {todos.map(({ id, title, done }) => (
          <li key={id}>
            <label>
              <input type="checkbox" checked={done} disabled={done} onChange={() => finish(id)} /> {title}
            </label>
          </li>
        ))}
      </ul>
      <p role="alert">{problem}</p>
    </main>
  )
}
