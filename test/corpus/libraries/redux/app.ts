import {
  combineReducers,
  configureStore,
  createAsyncThunk,
  createEntityAdapter,
  createSlice,
  isRejected,
} from '@reduxjs/toolkit'
import { enablePatches, produce, produceWithPatches } from 'immer'
import { defineApp } from 'unmoor'

enablePatches()
const load = createAsyncThunk('users/load', async (id: number) => {
  await Promise.resolve()
  if (id > 1) throw new RangeError(`no user ${id}`)
  return { id, name: 'Ädä' }
})
const adapter = createEntityAdapter<{ id: number; name: string }>()
const users = createSlice({
  name: 'users',
  initialState: adapter.getInitialState({ error: null as string | null }),
  reducers: { renamed: adapter.updateOne },
  extraReducers(builder) {
    builder
      .addCase(load.fulfilled, adapter.upsertOne)
      .addMatcher(isRejected, (state, { error }) => void (state.error = `${error.name}: ${error.message}`))
  },
})
const counter = createSlice({
  name: 'counter',
  initialState: { value: 0 },
  reducers: { added: (state, { payload }: { payload: number }) => void (state.value += payload) },
})
const reducer = combineReducers({ users: users.reducer, counter: counter.reducer })

export default defineApp({
  async fetch(request) {
    const store = configureStore({ reducer })
    switch (new URL(request.url).pathname) {
      case '/count':
        for (const n of [1, 2, 3]) store.dispatch(counter.actions.added(n))
        return Response.json(store.getState().counter)
      case '/load':
        await store.dispatch(load(1))
        store.dispatch(users.actions.renamed({ id: 1, changes: { name: 'Bøb' } }))
        return Response.json(store.getState().users)
      case '/fails': {
        const action = await store.dispatch(load(2))
        return Response.json({ type: action.type, state: store.getState().users })
      }
      case '/produce': {
        const base = { list: [{ n: 1 }], map: new Map([['a', 1]]) }
        const next = produce(base, (draft) => void draft.list.push({ n: 2 }))
        return Response.json({
          same: base.list[0] === next.list[0],
          next,
          frozen: Object.isFrozen(next.list),
        })
      }
      default:
        return Response.json(
          produceWithPatches({ a: { b: 1 }, list: [1, 2] }, (draft) => {
            draft.a.b = 2
            draft.list.splice(0, 1)
          }),
        )
    }
  },
})
