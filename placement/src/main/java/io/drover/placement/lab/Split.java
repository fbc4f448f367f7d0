package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;

/** Divides a trace, by whole sequences, into the part that planners see and the part that they are judged on. */
enum Split {
    /** Even sequences; odd sequences. */
    PARITY,
    /** The first half of the sequences; the second. */
    HALF,
    /** Some domains; the others. */
    DOMAIN,
    /** Everything; everything. */
    NONE;

    /** The two parts. */
    record Parts(Trace fit, Trace report) {}

    /**
     * @param fitDomains for {@link #DOMAIN}: domains to fit on; if empty, the first half of them
     * @throws IllegalArgumentException if a part would be empty or a domain is not in the trace
     */
    Parts of(final Trace trace, final List<String> fitDomains) {
        final int sequences = trace.sequences().size();
        return switch (this) {
            case PARITY -> parts(trace, i -> i % 2 == 0);
            case HALF -> parts(trace, i -> i < (sequences + 1) / 2);
            case DOMAIN -> {
                final Set<String> chosen = domains(trace, fitDomains);
                yield parts(trace, i -> chosen.contains(trace.sequences().get(i).domain()));
            }
            case NONE -> new Parts(trace, trace);
        };
    }

    private static Set<String> domains(final Trace trace, final List<String> fitDomains) {
        final List<String> known = List.copyOf(trace.domains());
        for (final String domain : fitDomains) {
            if (!known.contains(domain)) {
                throw new IllegalArgumentException("--fit-domains names '" + domain + "'; the trace has " + known);
            }
        }
        return new LinkedHashSet<>(fitDomains.isEmpty() ? known.subList(0, (known.size() + 1) / 2) : fitDomains);
    }

    private Parts parts(final Trace trace, final IntPredicate fitted) {
        final List<Trace.Sequence> fit = new ArrayList<>();
        final List<Trace.Sequence> report = new ArrayList<>();
        for (int i = 0; i < trace.sequences().size(); i++) {
            (fitted.test(i) ? fit : report).add(trace.sequences().get(i));
        }
        if (fit.isEmpty() || report.isEmpty()) {
            throw new IllegalArgumentException("--split " + name().toLowerCase(Locale.ROOT) + " of "
                    + trace.sequences().size() + " sequences in domains " + trace.domains() + " gives " + fit.size()
                    + " to fit and "
                    + report.size() + " to report; expected at least 1 of each");
        }
        return new Parts(trace.select(fit), trace.select(report));
    }
}
