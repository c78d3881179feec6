/** The demo found that something is not as it must be, or could not go on. Caught at its root, which names it and ends. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}
