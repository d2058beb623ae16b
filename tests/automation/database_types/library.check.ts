// An app of the library, as its author would write it: compiled, never run.
import { createClient } from "@supabase/supabase-js"
import { Constants } from "./database"
import type { CompositeTypes, Database, Enums, Tables, TablesInsert, TablesUpdate } from "./database"

const client = createClient<Database>("http://127.0.0.1", "key")

export async function embedded(): Promise<string | undefined> {
  const { data } = await client
    .from("books")
    .select("title, kind, authors!books_author_id_fkey(name), book_details(note)")
    .single()
  const note: string | null | undefined = data?.book_details?.note // one to one: no array
  // @ts-expect-error there is no such column
  data?.subtitle
  return data?.authors?.name ?? note ?? undefined
}

export async function called(): Promise<number | null> {
  const { data } = await client.rpc("add", { a: 1 })
  // @ts-expect-error a is needed
  await client.rpc("add", { b: 1 })
  return data
}

export const book: TablesInsert<"books"> = { title: "T", tags: [] }
// @ts-expect-error a title is needed
export const untitled: TablesInsert<"books"> = { tags: [] }
export const change: TablesUpdate<"authors"> = { born: null }
// @ts-expect-error what is generated cannot be written
export const generated: TablesUpdate<"authors"> = { upper_name: "X" }
export const kind: Enums<"genre"> = Constants.public.Enums.genre[0]
export const size: CompositeTypes<"measure"> = { width: 1, unit: "cm", marks: [1] }
export const offer: Tables<{ schema: "second-hand" }, "offers">["kind"] = "poem"
export const title: Tables<"book_titles">["title"] = null
