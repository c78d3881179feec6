/**
 * Port: an ordered, reliable way for structured-clonable messages between two parts of the program: tab and worker
 * (`MessagePort`), or two processes of one user (a local socket).
 *
 * It carries no identity: whoever holds an end is trusted as much as the way that led to it.
 */

export interface MessageChannelPort {
  /** Does nothing once either end is closed. */
  send(message: unknown): void;
  /** Called once, by the one who uses the end. What came before waits for it. */
  listen(handlers: MessageHandlers): void;
  close(): void;
}

export interface MessageHandlers {
  onMessage(message: unknown): void;
  /** Once, when the other end has closed or is gone. Not after a `close` of this end. */
  onClose(): void;
}

/** Two ends in one program. Messages are copied as they would be on any other way. */
export function createPortPair(): readonly [MessageChannelPort, MessageChannelPort] {
  const first = createEnd();
  const second = createEnd();
  return [first.port(second), second.port(first)];
}

interface End {
  take(message: unknown): void;
  closeFromAfar(): void;
  port(other: End): MessageChannelPort;
}

function createEnd(): End {
  const waiting: unknown[] = [];
  let handlers: MessageHandlers | null = null;
  let isClosed = false;
  let isTold = false;

  function deliver(): void {
    while (handlers !== null && waiting.length > 0 && !isTold) handlers.onMessage(waiting.shift());
    if (handlers === null || !isClosed || isTold) return;
    isTold = true;
    handlers.onClose();
  }

  return {
    take(message) {
      if (isClosed) return;
      waiting.push(structuredClone(message));
      queueMicrotask(deliver);
    },
    closeFromAfar() {
      isClosed = true;
      queueMicrotask(deliver);
    },
    port: (other) => ({
      send: (message) => {
        if (!isClosed) other.take(message);
      },
      listen(taken) {
        handlers = taken;
        queueMicrotask(deliver);
      },
      close() {
        if (isClosed) return;
        isClosed = true;
        isTold = true;
        other.closeFromAfar();
      },
    }),
  };
}
