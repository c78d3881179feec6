/** Nominal types over plain values, so that two ids of different things cannot be swapped. */

declare const brand: unique symbol;

/** `T` that only its own maker hands out. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
