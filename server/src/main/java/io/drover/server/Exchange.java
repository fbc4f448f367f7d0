package io.drover.server;

/**
 * A request that has been read and let in.
 *
 * @param path    as asked
 * @param rest    what follows the route's own path and a slash, decoded; mostly empty
 * @param body    empty for a route without one
 * @param startNs when its head had come
 * @param life    ends with its answer
 */
record Exchange(String path, String rest, byte[] body, long startNs, Lifeline life) {}
