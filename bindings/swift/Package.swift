// swift-tools-version: 6.0

import Foundation
import PackageDescription

// For apps of Apple's systems the native library is a framework of all processors beside this file. Otherwise it is that of the
// system which the package was made on, in `lib`.
let framework = "RhoSyncFFI.xcframework"
let hasFramework = FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(framework)")
let library = "\(Context.packageDirectory)/lib"

let package = Package(
    name: "RhoSync",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "RhoSync", targets: ["RhoSync"])],
    targets: [
        hasFramework
            ? .binaryTarget(name: "RhoSyncFFI", path: framework)
            : .systemLibrary(name: "RhoSyncFFI"),
        .target(
            name: "RhoSyncCore",
            dependencies: ["RhoSyncFFI"],
            // As UniFFI makes it.
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: hasFramework
                ? []
                : [
                    .unsafeFlags(["-L\(library)", "-Xlinker", "-rpath", "-Xlinker", library]),
                    .linkedLibrary("sync_client_ffi"),
                ]
        ),
        .target(name: "RhoSync", dependencies: ["RhoSyncCore"]),
    ]
)
