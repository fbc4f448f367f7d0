/**
 * HOW things travel: the data plane between the nodes' engines.
 *
 * <p>
 * <b>Theory.</b> A token of a Mixture-of-Experts model visits experts on several nodes in each of its layers, so a forward pass is
 * a sequence of small messages whose latency adds up. They go over Aeron: logs in shared memory that the receiver reads in place,
 * between processes of one host directly, and between hosts copied by a media driver over UDP with NAK repair. There are no
 * mailboxes, no serialization and no allocation: a frame is a flyweight over the bytes on the wire.
 *
 * <p>
 * <b>What is lossy.</b> Aeron repairs lost datagrams, so frames of one sender arrive in order without gaps as long as both ends
 * live and read. Everything else is at-most-once. Frames are lost when the receiver dies or is away for longer than the driver's
 * liveness, when they wait longer than {@code park-deadline}, and are refused when the peer's queue is full. A token is never lost
 * by that, because each exchange has somebody who waits with a deadline and asks again:
 *
 * <ul>
 * <li>a call is acknowledged by the <i>receiver's engine</i> ({@link io.drover.streams.AckFrame}) at once, with the time it expects
 * to need; the caller sends it elsewhere when that passes. Calls are idempotent: experts are pure functions;
 * <li>tokens from a home to a gateway carry their index; a gateway that sees a gap or silence asks for them again
 * ({@link io.drover.streams.SyncFrame});
 * <li>submission and cancellation are answered by {@link io.drover.streams.AdmissionFrame} and
 * {@link io.drover.streams.EndFrame}.
 * </ul>
 *
 * <p>
 * <b>Back pressure.</b> Each ordered pair of nodes has a log of its own. When its reader falls behind, Aeron refuses the offer and
 * the frame waits in that peer's own bounded queue; when that is full, the caller is told. No peer's log or queue is another's.
 * What may wait ({@link io.drover.streams.KvPageFrame}) has a second, small log for each pair and no queue: it never stands before
 * a token.
 *
 * <p>
 * <b>Bulk.</b> What is large and not urgent, such as an expert's weights, goes through {@link io.drover.streams.BulkPlane}: logs, queues
 * and a thread of its own, with the receiver's credit and a limit of bytes per second, as a Pekko source that its consumer paces.
 *
 * <p>
 * <b>Trust.</b> Frames of another version, of unknown nodes and earlier incarnations, and those whose counts and lengths disagree
 * are dropped and counted before anybody reads them. With a shared secret, so are those without its tag.
 *
 * <p>
 * <b>Shared memory.</b> A log is three terms, each at least eight times the largest frame; {@link io.drover.streams.TermPlan} adds
 * them up and is checked at start, because a mapped file that outgrows its file system ends the process with SIGBUS. With the
 * defaults a log is 6 MiB, and 0.75 MiB for what may wait and for bulk each: three nodes on one driver take 59 MiB of
 * {@code /dev/shm}, which fits the 64 MiB that containers
 * commonly have. The logs of a dead node are freed after {@code driver.client-liveness}, a driver's directory when it closes, and
 * that of a killed driver by the next one to start.
 *
 * <p>
 * <b>Start reading</b> at {@link io.drover.streams.Links}, then {@link io.drover.streams.FrameHeader} and
 * {@link io.drover.streams.CallFrame}; {@link io.drover.streams.MediaDriverHost} runs the driver.
 */
@NullMarked
package io.drover.streams;

import org.jspecify.annotations.NullMarked;
