package io.drover.placement;

import com.google.ortools.Loader;

/** The solver library's native part, loaded once and only by planners that need it: it takes most of a second. */
final class OrToolsNatives {
    private OrToolsNatives() {}

    static void load() {
        Loader.loadNativeLibraries();
    }
}
