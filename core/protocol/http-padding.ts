/**
 * Padding of requests to a directory and of its answers, so that who sees lengths through TLS does not read from them what
 * was asked. The media type says it; bodies are padded as frames are. Rules DI19, GW15.
 */
import { HTTP_PATH_CHARS } from "../base/limits.ts";
import type { Padding } from "../crypto/padding.ts";

const MEDIA_TYPE = "application/cbor";
/** Begins what fills a path; servers do not read it. */
const FILLER = "pad=";

const MEDIA_TYPE_BY_PADDING: Readonly<Record<Padding, string>> = {
  off: MEDIA_TYPE,
  padme: `${MEDIA_TYPE}; padding=padme`,
  fixed: `${MEDIA_TYPE}; padding=fixed`,
};

/** The media type of a body that is padded like this. */
export function mediaTypeOf(padding: Padding): string {
  return MEDIA_TYPE_BY_PADDING[padding];
}

/** How a body of this media type is padded; null for one that is not ours, and where none is named. */
export function paddingOfMediaType(mediaType: string | null | undefined): Padding | null {
  switch (mediaType) {
    case MEDIA_TYPE_BY_PADDING.off:
      return "off";
    case MEDIA_TYPE_BY_PADDING.padme:
      return "padme";
    case MEDIA_TYPE_BY_PADDING.fixed:
      return "fixed";
    default:
      return null;
  }
}

/** A path with its query, filled up to `HTTP_PATH_CHARS`. With `off`, or where it is longer, it is as it was. */
export function padPath(path: string, padding: Padding): string {
  const filler = (path.includes("?") ? "&" : "?") + FILLER;
  const room = HTTP_PATH_CHARS - path.length - filler.length;
  return padding === "off" || room < 0 ? path : path + filler + "0".repeat(room);
}
