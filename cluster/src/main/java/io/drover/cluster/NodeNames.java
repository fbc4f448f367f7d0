package io.drover.cluster;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Which name has which node id: an index given out once and never reused. */
final class NodeNames {
    /** In place of the name of an id that nobody here remembers, but that an absent node may have. */
    private static final String VACANT = "";

    private final List<String> names = new ArrayList<>();

    /** @return the id, or -1 for a name without one */
    int id(final String name) {
        return names.indexOf(name);
    }

    /** Empty for a vacant id. */
    String name(final int id) {
        return names.get(id);
    }

    int size() {
        return names.size();
    }

    List<String> all() {
        return names;
    }

    void learn(final List<String> earlier) {
        names.addAll(earlier);
    }

    /** Gives the next ids to those that have none. @return whether there were any */
    boolean admit(final Collection<String> newcomers) {
        boolean any = false;
        for (final String name : newcomers) {
            if (!names.contains(name)) {
                names.add(name);
                any = true;
            }
        }
        return any;
    }

    /** Keeps an id that an earlier coordinator gave out before it published anything. */
    void claim(final int id, final String name) {
        if (id < 0 || names.contains(name)) {
            return;
        }
        while (names.size() <= id) {
            names.add(VACANT);
        }
        if (names.get(id).equals(VACANT)) {
            names.set(id, name);
        }
    }

    /** Takes an id back that was given out here if the name claims another one, which is free; only while no table names either. */
    void yield(final int id, final String name) {
        if (id >= names.size() || names.get(id).equals(VACANT)) {
            names.replaceAll(other -> other.equals(name) ? VACANT : other);
        }
    }
}
