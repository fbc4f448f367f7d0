/**
 * Who works: the node's engine, the expert actors, the desks of gateways and homes.
 *
 * <p><b>One thread computes.</b> {@code EngineAgent} is the loop of a node: poll frames, run expert batches, take one group of
 * chunks through one layer, send what came of it. Everything in this package runs on that thread unless its Javadoc says
 * otherwise, so nothing is locked and nothing waits. Expert actors run on it too: their dispatcher's executor
 * ({@code DeviceExecutor}) is a queue that the thread drains.
 *
 * <p><b>No barrier.</b> A sequence's positions travel in chunks ({@code Chunk}): one position in decode, up to some dozens in
 * prefill. A chunk enters its next layer as soon as its own expert outputs are back ({@code LayerEngine}), together with whatever
 * else is ready for that layer. A slow node delays only the rows that need it.
 *
 * <p><b>Every row's bits are its own.</b> Which rows share a batch, where an expert runs, in which order answers arrive and how
 * often a call was repeated change nothing: outputs are combined in gate-rank order by the home, and kernels compute a row the
 * same in any batch.
 *
 * <p><b>A lost home costs a pause.</b> A sequence is its prompt, its settings and the ids so far, because the n-th draw depends on
 * the seed and n alone. The gateway has all of that, so it has another home go on where one was lost ({@code GatewayDesk}), in a
 * higher owner term; a home that was only paused is not listened to any more. A copy of its full pages lies at its buddy
 * ({@code PageCopier} at the home, {@code PageKeeper} at the buddy), which then has only the tail to compute.
 *
 * <p><b>No peer delays another.</b> Calls that are late are given to a second replica ({@code ExpertCalls.overdue}), within a
 * budget; a peer that stays slow loses its work ({@code PeerPace}).
 *
 * <p>Decisions live in pure step machines, each with a simulation among the tests: {@code Batcher} (which positions run next),
 * {@code CallLedger} (until when a call is waited for), {@code GatewayDesk} (what a client's stream has and lacks, and who is its home), {@code PageCopier} and {@code PageKeeper}
 * (which pages lie where), {@code PeerPace} (who is late). The rest is
 * shell.
 *
 * <p>Start reading at {@link io.drover.actors.NodeEngine}, then {@code EngineAgent}, {@code LayerEngine}, {@code ExpertCalls} (this
 * node's rows at other nodes' experts) and {@code ExpertService} (other nodes' rows at this node's experts).
 */
@NullMarked
package io.drover.actors;

import org.jspecify.annotations.NullMarked;
