// Writes what is derived from the description of the API.
//
//     skiff-generate import REFERENCE_DIR   upstream's published documents -> Schema/   (once per upstream version)
//     skiff-generate generate               Schema/ -> Sources/**/Generated             (after every edit of Schema/)

import Foundation

let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
let schemaDirectory = root.appending(path: "Schema")
let arguments = Array(CommandLine.arguments.dropFirst())

do {
    switch arguments.first {
    case "import" where arguments.count == 2:
        try Importer(directory: URL(filePath: arguments[1])).run(writingTo: schemaDirectory)
    case "generate" where arguments.count == 1:
        let model = try SchemaText.read(directory: schemaDirectory)
        try StructGenerator(model: model, roots: try StructRoots(directory: schemaDirectory)).run(root: root)
        try TableGenerator(directory: schemaDirectory).run(root: root)
        let descriptions = try DescriptionText(directory: schemaDirectory.appending(path: "descriptions"))
        try DescriptionGenerator(model: model, descriptions: descriptions).run(root: root)
    default:
        print("usage: skiff-generate import REFERENCE_DIR | generate")
        exit(2)
    }
} catch {
    print("skiff-generate: \(error)")
    exit(1)
}
