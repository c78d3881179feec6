/** What the search index uses of SQLite as WebAssembly; the package's own declarations have ten thousand lines more. */
declare module "@sqlite.org/sqlite-wasm" {
  export interface Statement {
    /** How many columns a row has; 0 for a statement that gives none. */
    readonly columnCount: number;
    bind(values: readonly (string | bigint)[]): Statement;
    step(): boolean;
    reset(alsoClearBinds?: boolean): Statement;
    get(column: number): unknown;
    getBlob(column: number): Uint8Array | null;
  }
  export interface Database {
    exec(sql: string): unknown;
    prepare(sql: string): Statement;
    /** Finalizes its statements too; using one afterwards throws. */
    close(): void;
  }
  export interface Sqlite3 {
    readonly oo1: { readonly DB: new (name: string, flags: string) => Database };
  }
  function sqlite3InitModule(options: { readonly locateFile: (name: string) => string }): Promise<Sqlite3>;
  export { sqlite3InitModule as default };
}
